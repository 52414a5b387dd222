//! Mail: who gets it, and what becomes of it where the server refuses.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{Room, states};
use crate::audit::samples;
use crate::people::{Account, NewPerson, People, RoleGrant};
use crate::review::Pusher;

/// A mail server in plain text that takes everything but what it is told to refuse.
struct Post {
    port: u16,
    /// Address and letter.
    taken: Arc<Mutex<Vec<(String, String)>>>,
}

impl Post {
    /// `refuse` may answer the nth recipient, from 1.
    async fn start(refuse: impl Fn(usize) -> Option<&'static str> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::<Mutex<Vec<_>>>::default();
        let (kept, refuse) = (Arc::clone(&taken), Arc::new(refuse));
        let asked = Arc::new(Mutex::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, refuse, asked) = (kept.clone(), refuse.clone(), asked.clone());
                let turn = move || {
                    *asked.lock().unwrap() += 1;
                    refuse(*asked.lock().unwrap())
                };
                tokio::spawn(serve(stream, kept, turn));
            }
        });
        Self { port, taken }
    }

    fn table(&self, keys: &str) -> String {
        format!(
            "[notify]\nretry_seconds = 1\n[notify.mail]\nserver = \"127.0.0.1:{}\"\ntls = \"off\"\nfrom = \"exeat@bank.example\"\n{keys}\n",
            self.port
        )
    }

    /// Addresses in their order, and subjects.
    fn subjects(&self) -> Vec<(String, String)> {
        let mut taken: Vec<_> = self.taken.lock().unwrap().clone();
        taken.sort();
        let subject = |letter: &str| {
            let line = letter.lines().find(|line| line.starts_with("Subject: "));
            line.unwrap_or_default().to_owned()
        };
        taken
            .iter()
            .map(|(to, letter)| (to.clone(), subject(letter)))
            .collect()
    }
}

async fn serve(
    stream: TcpStream,
    taken: Arc<Mutex<Vec<(String, String)>>>,
    refuse: impl Fn() -> Option<&'static str>,
) {
    let mut stream = BufReader::new(stream);
    let (mut to, mut answer) = (String::new(), "220 mx".to_owned());
    loop {
        let _ = stream
            .get_mut()
            .write_all(format!("{answer}\r\n").as_bytes())
            .await;
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        answer = "250 2.0.0 ok".to_owned();
        if let Some(address) = line.strip_prefix("RCPT TO:") {
            to = address.trim().trim_matches(['<', '>']).to_owned();
            if let Some(refusal) = refuse() {
                answer = refusal.to_owned();
            }
        }
        if line.starts_with("DATA") {
            let _ = stream.get_mut().write_all(b"354 go\r\n").await;
            let mut letter = String::new();
            while !letter.ends_with("\r\n.\r\n") {
                stream.read_line(&mut letter).await.unwrap();
            }
            taken.lock().unwrap().push((to.clone(), letter));
        }
    }
}

async fn person(
    room: &Room,
    name: &str,
    mails: &[&str],
    roles: &[&str],
    account: Option<&str>,
) -> String {
    let people = People::new(&room.store, &room.audit);
    let new = NewPerson {
        name: name.to_owned(),
        display: None,
        mails: mails.iter().map(|&mail| mail.to_owned()).collect(),
        roles: roles
            .iter()
            .map(|role| role.parse::<RoleGrant>().unwrap())
            .collect(),
    };
    people.add_person(&new, &samples::actor()).await.unwrap();
    if let Some(account) = account {
        let account = Account::new("forge", account).unwrap();
        people
            .link(name, &account, None, &samples::actor())
            .await
            .unwrap();
    }
    people.register().person(name).await.unwrap().id.to_string()
}

#[tokio::test]
async fn reviewers_hear_what_waits_and_the_pusher_what_became_of_it() {
    let mut room = Room::open().await;
    let post = Post::start(|_| None).await;
    person(
        &room,
        "ada",
        &["ada@home.example", "ada@bank.example"],
        &["reviewer"],
        None,
    )
    .await;
    // May decide elsewhere only.
    person(
        &room,
        "ben",
        &["ben@bank.example"],
        &["reviewer:forge/other/*"],
        None,
    )
    .await;
    // May decide, but not on what is his own.
    person(
        &room,
        "dev",
        &["dev@bank.example"],
        &["developer", "reviewer"],
        Some("41"),
    )
    .await;
    // An operator never decides; nobody writes to where the company is not; nobody of no address.
    person(
        &room,
        "eve",
        &["eve@bank.example"],
        &["reviewer", "operator"],
        None,
    )
    .await;
    person(&room, "far", &["far@home.example"], &["reviewer"], None).await;
    person(&room, "non", &[], &["reviewer"], None).await;
    room.pusher = Pusher {
        person: None,
        account: Some("41".into()),
        credential: None,
    };
    room.tell(&post.table("to = [\"reviewers\", \"pusher\", \"list@bank.example\"]"));
    room.hold("P-1").await;
    room.approve("P-1").await;
    let notices = room.settled().await;
    assert_eq!(states(&notices), ["delivered"; 4], "{notices:?}");
    let waits = "Subject: Exeat: a push to forge/org/repo waits for review (P-1)";
    let approved = "Subject: Exeat: a push to forge/org/repo was approved (P-1)";
    let expected = [
        ("ada@bank.example", waits),
        ("dev@bank.example", approved),
        ("list@bank.example", approved),
        ("list@bank.example", waits),
    ];
    let mut expected = expected.map(|(to, subject)| (to.to_owned(), subject.to_owned()));
    expected.sort();
    let mut subjects = post.subjects();
    subjects.sort();
    assert_eq!(subjects, expected);
    for (_, letter) in post.taken.lock().unwrap().iter() {
        assert!(
            !letter.contains("fine") && !letter.contains("binding"),
            "{letter}"
        );
    }
    room.end().await;
}

#[tokio::test]
async fn what_is_refused_for_now_is_sent_later_and_what_is_refused_for_good_is_given_up() {
    let mut room = Room::open().await;
    let post = Post::start(|turn| (turn == 1).then_some("451 4.7.1 later")).await;
    room.tell(&post.table("to = [\"list@bank.example\"]"));
    room.hold("P-1").await;
    let notices = room.settled().await;
    assert_eq!(states(&notices), ["delivered"]);
    assert_eq!(notices[0].attempts, 2);
    room.end().await;

    let mut room = Room::open().await;
    let post = Post::start(|_| Some("550 5.1.1 <list@bank.example> unknown")).await;
    room.tell(&post.table("to = [\"list@bank.example\"]"));
    room.hold("P-1").await;
    let notices = room.settled().await;
    assert_eq!((states(&notices), notices[0].attempts), (vec!["dead"], 1));
    let trouble = notices[0].trouble.as_deref();
    assert_eq!(
        trouble,
        Some("the mail server refused the recipient: 550 5.1.1")
    );
    room.end().await;
}

#[tokio::test]
async fn a_server_that_is_down_is_waited_for() {
    let mut room = Room::open().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let down = Post {
        port,
        taken: Arc::default(),
    };
    room.tell(&down.table("to = [\"list@bank.example\"]"));
    room.hold("P-1").await;
    let tried = room
        .until(|notices| notices.iter().any(|notice| notice.attempts > 0))
        .await;
    assert_eq!(states(&tried), ["waiting"]);
    let expected = "the mail server cannot be reached: it refuses connections";
    assert_eq!(tried[0].trouble.as_deref(), Some(expected));
    let post = Post::start(|_| None).await;
    let receivers = room.receivers(&post.table("to = [\"list@bank.example\"]"));
    room.notifier.as_ref().unwrap().follow(receivers);
    assert_eq!(states(&room.settled().await), ["delivered"]);
    room.end().await;
}

#[tokio::test]
async fn somebody_who_has_left_gets_no_letter_that_waited() {
    let mut room = Room::open().await;
    let post = Post::start(|turn| (turn <= 2).then_some("451 later")).await;
    person(&room, "ada", &["ada@bank.example"], &["reviewer"], None).await;
    room.tell(&post.table("to = [\"reviewers\"]"));
    room.hold("P-1").await;
    room.until(|notices| notices.iter().any(|notice| notice.attempts > 0))
        .await;
    let people = People::new(&room.store, &room.audit);
    people.disable("ada", &samples::actor()).await.unwrap();
    assert!(room.until(<[_]>::is_empty).await.is_empty());
    assert!(post.subjects().is_empty());
    room.end().await;
}
