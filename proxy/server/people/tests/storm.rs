//! Orders from everywhere at once: whatever becomes of each, what is stored is what the record says.

use super::*;

/// Numbers that look random and are the same for one seed (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// What may fail because of the others, or because it makes no sense just then; the rest must not.
fn expected(error: &Error) -> bool {
    matches!(
        error,
        Error::Audit(audit::Error::Stale)
            | Error::NoGroup(_)
            | Error::GroupExists(_)
            | Error::AccountTaken { .. }
            | Error::Disabled(_)
    )
}

async fn order(people: &People, dice: &mut Dice) -> Result<(), Error> {
    let actor = actor();
    let person = dice.one(&["ada", "bob", "eve"]);
    let group = dice.one(&["core", "docs"]);
    let account = account(dice.one(&["1", "2"]));
    let role: [RoleGrant; 1] = [dice.one(&["reviewer", "auditor", "ospo"]).parse().unwrap()];
    let edit = Edit {
        add_mails: vec![format!("{}@bank.example", dice.below(4))],
        remove_mails: vec![format!("{}@bank.example", dice.below(4))],
        ..Edit::default()
    };
    match dice.below(12) {
        0 => people.edit_person(person, &edit, &actor).await.map(drop),
        1 => people
            .change_roles(person, &role, &[], &actor)
            .await
            .map(drop),
        2 => people
            .change_roles(person, &[], &role, &actor)
            .await
            .map(drop),
        3 => people.link(person, &account, None, &actor).await.map(drop),
        4 => people.unlink(person, &account, &actor).await.map(drop),
        5 => people.disable(person, &actor).await.map(drop),
        6 => people.enable(person, &actor).await.map(drop),
        7 => people.add_group(group, None, &actor).await.map(drop),
        8 => people.remove_group(group, &actor).await.map(drop),
        9 => people.join(group, person, &actor).await.map(drop),
        10 => people.leave(group, person, &actor).await.map(drop),
        _ => token(people, person, dice).await,
    }
}

/// One is made, used, ended, and presented again.
async fn token(people: &People, person: &str, dice: &mut Dice) -> Result<(), Error> {
    let new = NewToken {
        person: person.to_owned(),
        scopes: Scopes::new(&[Scope::Read]),
        service: dice.below(2) == 0,
        about: None,
        lifetime: Lifetime::default(),
    };
    let (token, secret) = people.create_token(&new, now(), &actor()).await?;
    let presented = people.verify(secret.expose(), now(), None).await;
    if let Err(refused) = presented {
        assert!(
            matches!(refused, Refused::Invalid(Why::Disabled)),
            "{refused:?}"
        );
    }
    people
        .revoke_token(token.id.as_str(), now(), &actor())
        .await?;
    let ended = people.verify(secret.expose(), now(), None).await;
    assert_eq!(why(ended), Why::Revoked);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_ordered_at_once_the_record_tells() {
    let nightly = std::env::var_os("EXEAT_NIGHTLY").is_some();
    let rounds = if nightly { 2_000 } else { 40 };
    if !nightly {
        println!("{rounds} orders each; EXEAT_NIGHTLY=1 gives 2000");
    }
    let house = House::open().await;
    for name in ["ada", "bob", "eve"] {
        house.add(name, &["developer"]).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 1..=6_u64 {
        let people = house.people.clone();
        tasks.spawn(async move {
            let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mut done = 0;
            for _ in 0..rounds {
                match order(&people, &mut dice).await {
                    Ok(()) => done += 1,
                    Err(error) => assert!(expected(&error), "{error}"),
                }
            }
            done
        });
    }
    let done: usize = tasks.join_all().await.into_iter().sum();
    assert!(done > rounds, "{done} orders were carried out");

    let mut snapshot = house.store.records().snapshot().await.unwrap();
    let report = audit::verify(&mut snapshot, None).await.unwrap();
    assert_eq!(report.problem, None);
    let astray = astray(&mut snapshot, Vec::new(), &report.people)
        .await
        .unwrap();
    assert_eq!(astray, []);
}
