//! What several sources come to together, without any forge.

use exeat_inspect::FingerprintKey;
use http::HeaderMap;

use super::super::presented::HEADER;
use super::*;
use crate::audit;
use crate::config::Config;
use crate::people::{NewPerson, NewToken, Scope, Scopes, Secret};
use crate::store::Store;
use crate::upstream::Upstreams;

struct Scene {
    _folder: tempfile::TempDir,
    store: Store,
    people: People,
    recognition: Recognition,
    upstreams: Upstreams,
}

const CONFIG: &str = "[upstream.none]\nurl = \"https://none.example\"\n\
    [upstream.any]\nurl = \"https://any.example\"\n[upstream.any.identity]\nsources = [\"certificate\", \"token\"]\n\
    [upstream.token]\nurl = \"https://token.example\"\n[upstream.token.identity]\nsources = [\"token\"]\n\
    required = [\"token\"]\n";

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let audit = Audit::open(store.clone()).await.unwrap();
        let people = People::new(&store, &audit);
        let (config, _) = Config::of_text(CONFIG).unwrap();
        let metrics = Metrics::new();
        Self {
            _folder: folder,
            recognition: Recognition::new(&people, &Arc::default(), &audit, &metrics),
            upstreams: Upstreams::new(&config.upstreams, &config.limits).unwrap(),
            people,
            store,
        }
    }

    /// A person with a certificate, and a token for pushing.
    async fn person(&self, name: &str) -> Secret {
        let actor = audit::Actor::system();
        let new = NewPerson {
            name: name.to_owned(),
            roles: vec!["developer".parse().unwrap()],
            ..NewPerson::default()
        };
        self.people.add_person(&new, &actor).await.unwrap();
        let account = Account::of_certificate(&format!("CN={name}")).unwrap();
        let linked = self.people.link(name, &account, None, &actor);
        linked.await.unwrap();
        let token = NewToken {
            person: name.to_owned(),
            scopes: Scopes::new(&[Scope::Push]),
            service: false,
            about: None,
            lifetime: Default::default(),
        };
        let made = self.people.create_token(&token, people::now(), &actor);
        made.await.unwrap().1
    }

    async fn known(
        &self,
        upstream: &str,
        token: Option<&Secret>,
        certificate: Option<&str>,
    ) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            headers.insert(HEADER, token.expose().parse().unwrap());
        }
        let key = FingerprintKey::new([7; 32]);
        let mut actor = Actor::read(&headers, [192, 0, 2, 7].into(), &key).unwrap();
        assert!(!format!("{actor:?}").contains("exeat_"));
        actor.certificate = certificate.map(str::to_owned);
        let upstream = self.upstreams.by_name(upstream).unwrap();
        let known = self.recognition.of(&upstream, &actor).await;
        let known = known.map_err(|unknown| unknown.cause().to_owned())?;
        assert_eq!(known.person.is_some(), !known.by.is_empty());
        Ok(known.person.map(|person| person.name))
    }

    async fn contradictions(&self) -> usize {
        let records = audit::newest(self.store.records(), 1000).await.unwrap();
        let records = records.iter();
        let two = records.filter(|record| record.leaf.action == "refused: two persons");
        two.count()
    }
}

#[tokio::test]
async fn all_that_name_somebody_name_the_same() {
    let scene = Scene::new().await;
    let (ada, bob) = (scene.person("ada").await, scene.person("bob").await);
    let name = |name: &str| Ok(Some(name.to_owned()));
    let cause = |cause: &str| Err(cause.to_owned());

    // Nobody is asked.
    let wrong = scene.known("none", Some(&ada), Some("CN=bob")).await;
    assert_eq!(wrong, Ok(None));
    assert_eq!(scene.known("any", None, None).await, Ok(None));
    assert_eq!(scene.known("any", None, Some("CN=eve")).await, Ok(None));
    assert_eq!(scene.known("any", Some(&ada), None).await, name("ada"));
    assert_eq!(scene.known("any", None, Some("CN=bob")).await, name("bob"));
    let same = scene.known("any", Some(&ada), Some("CN=ada")).await;
    assert_eq!(same, name("ada"));
    // A certificate of nobody contradicts nothing.
    let beside = scene.known("any", Some(&ada), Some("CN=eve")).await;
    assert_eq!(beside, name("ada"));
    // What is no source is not looked at.
    let other = scene.known("token", Some(&ada), Some("CN=bob")).await;
    assert_eq!(other, name("ada"));
    let missing = scene.known("token", None, Some("CN=bob")).await;
    assert_eq!(missing, cause("pusher-unknown"));

    assert_eq!(scene.contradictions().await, 0);
    for (token, certificate, recorded) in [
        (&ada, "CN=bob", 1),
        (&ada, "CN=bob", 1),
        (&bob, "CN=ada", 2),
    ] {
        let two = scene.known("any", Some(token), Some(certificate)).await;
        assert_eq!(two, cause("two-persons"));
        assert_eq!(scene.contradictions().await, recorded);
    }

    let actor = audit::Actor::system();
    scene.people.disable("bob", &actor).await.unwrap();
    assert_eq!(scene.known("any", None, Some("CN=bob")).await, Ok(None));
    let two = scene.known("any", Some(&ada), Some("CN=bob")).await;
    assert_eq!(two, cause("two-persons"));
    let ended = scene.known("any", Some(&bob), None).await;
    assert_eq!(ended, cause("token"));
    // Rights go with roles.
    let developer = ["developer".parse().unwrap()];
    let roles = scene.people.change_roles("ada", &[], &developer, &actor);
    roles.await.unwrap();
    assert_eq!(scene.known("any", Some(&ada), None).await, cause("token"));
    assert_eq!(scene.known("any", None, Some("CN=ada")).await, name("ada"));
}
