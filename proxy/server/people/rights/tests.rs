//! The whole table, and what holds for every mixture of roles.

use std::fmt::Write as _;

use super::super::id::PersonId;
use super::super::person::RoleGrant;
use super::*;

fn person(roles: &[&str]) -> Person {
    let roles = roles.iter().map(|role| role.parse::<RoleGrant>().unwrap());
    Person {
        id: PersonId::random().unwrap(),
        revision: 1,
        name: "ada".into(),
        display: None,
        mails: Vec::new(),
        roles: roles.collect(),
        accounts: Vec::new(),
        disabled: false,
        created: 0,
    }
}

fn case(repository: &str, own: bool) -> Matter<'_> {
    Matter::Case(Case {
        upstream: "github.com",
        repository,
        folds: true,
        own,
    })
}

/// How far a right reaches, found out by asking.
fn reach(powers: &Powers<'_>, right: Right) -> &'static str {
    let [inside, outside] = ["org/repo", "other/repo"];
    let asked = [
        powers.may(right, &Matter::House),
        powers.may(right, &case(inside, false)),
        powers.may(right, &case(outside, false)),
        powers.may(right, &case(inside, true)),
        powers.may(right, &case(outside, true)),
    ];
    match asked {
        [false, false, false, false, false] => "-",
        [true, false, false, false, false] => "yes",
        [false, true, true, true, true] => "all",
        [false, true, true, false, false] => "others'",
        [false, true, false, true, false] => "here",
        [false, true, false, true, true] => "here+own",
        [false, true, false, false, false] => "here others'",
        [false, false, false, true, true] => "own",
        mixed => panic!("{right:?}: {mixed:?}"),
    }
}

const TABLE: &str = "\
developer push: Push yes
developer read: SeeCase own
developer decide: nothing
developer admin: nothing
reviewer push: nothing
reviewer read: SeeCase here+own, SeeContext here
reviewer decide: DecideCase here others'
reviewer admin: nothing
security push: nothing
security read: SeeCase all, SeeContext all
security decide: DecideFinding others'
security admin: DraftRule yes
ospo push: nothing
ospo read: SeeCase all
ospo decide: DecideRequest others'
ospo admin: nothing
auditor push: nothing
auditor read: SeeCase all, SeeContext all, SeeAudit yes
auditor decide: nothing
auditor admin: nothing
operator push: nothing
operator read: SeeCase own
operator decide: nothing
operator admin: ManagePeople yes, ManageConfig yes
service push: Push yes
service read: SeeCase all, SeeAudit yes
service decide: nothing
service admin: nothing
";

#[test]
fn the_whole_table() {
    let mut table = String::new();
    for role in Role::ALL {
        let written = match role {
            Role::Reviewer => "reviewer:github.com/org/*",
            other => other.name(),
        };
        let person = person(&[written]);
        for scope in Scope::ALL {
            let scopes = Scopes::new(&[scope]);
            let powers = Powers {
                person: &person,
                token: Some((&scopes, false)),
            };
            let rights: Vec<String> = Right::ALL
                .into_iter()
                .map(|right| (right, reach(&powers, right)))
                .filter(|(_, reach)| *reach != "-")
                .map(|(right, reach)| format!("{right:?} {reach}"))
                .collect();
            let rights = match rights.is_empty() {
                true => "nothing".to_owned(),
                false => rights.join(", "),
            };
            writeln!(table, "{} {}: {rights}", role.name(), scope.name()).unwrap();
        }
    }
    println!("{table}");
    assert_eq!(table, TABLE);
}

/// Every set of roles, every set of scopes or none, for a machine or not.
fn everybody(mut check: impl FnMut(&Person, &Powers<'_>, Option<&Scopes>, bool)) {
    for roles in 0_u32..1 << Role::ALL.len() {
        let names: Vec<&str> = Role::ALL
            .into_iter()
            .enumerate()
            .filter(|(place, _)| roles & (1 << place) != 0)
            .map(|(_, role)| role.name())
            .collect();
        let person = person(&names);
        check(&person, &Powers::of(&person), None, false);
        for set in 0_u32..1 << Scope::ALL.len() {
            let chosen = Scope::ALL.into_iter().enumerate();
            let chosen: Vec<Scope> = chosen
                .filter(|(place, _)| set & (1 << place) != 0)
                .map(|(_, scope)| scope)
                .collect();
            let scopes = Scopes::new(&chosen);
            for service in [false, true] {
                let powers = Powers {
                    person: &person,
                    token: Some((&scopes, service)),
                };
                check(&person, &powers, Some(&scopes), service);
            }
        }
    }
}

fn matters() -> [Matter<'static>; 3] {
    [
        Matter::House,
        case("org/repo", false),
        case("org/repo", true),
    ]
}

#[test]
fn whatever_the_mixture_some_things_never_happen() {
    let mut allowed = 0;
    everybody(|person, powers, scopes, service| {
        let has = |role| person.roles.iter().any(|grant| grant.role == role);
        for right in Right::ALL {
            for matter in matters() {
                if !powers.may(right, &matter) {
                    continue;
                }
                allowed += 1;
                assert!(powers.may_somewhere(right));
                if right.decides() {
                    assert!(!service, "a service token decides");
                    assert!(!has(Role::Service), "a service decides");
                    assert!(!has(Role::Operator), "an operator decides");
                    let Matter::Case(case) = matter else {
                        panic!("{right:?} about the house");
                    };
                    assert!(!case.own, "somebody decides on his own");
                }
                if right == Right::DraftRule {
                    assert!(!service, "a service token drafts");
                    assert!(has(Role::Security));
                }
                if right == Right::SeeContext {
                    assert!(!has(Role::Operator), "an operator reads code");
                }
                if matches!(right, Right::ManagePeople | Right::ManageConfig) {
                    assert!(has(Role::Operator));
                }
                if let Some(scopes) = scopes {
                    assert!(
                        scopes.has(right.scope()),
                        "a scope gives what it does not name"
                    );
                    let without = Powers::of(person);
                    assert!(
                        without.may(right, &matter),
                        "a token gives more than its owner has"
                    );
                }
            }
        }
    });
    assert!(allowed > 1000, "{allowed}");
}

#[test]
fn a_disabled_person_may_nothing() {
    let names = Role::ALL.map(Role::name);
    let gone = Person {
        disabled: true,
        ..person(&names[..5])
    };
    for right in Right::ALL {
        for matter in matters() {
            assert!(!Powers::of(&gone).may(right, &matter));
        }
        assert!(!Powers::of(&gone).may_somewhere(right));
    }
}

#[test]
fn a_reviewer_of_two_places_has_both_and_no_third() {
    let ada = person(&["reviewer:github.com/org/*", "reviewer:github.com/team/one"]);
    let powers = Powers::of(&ada);
    for (repository, expected) in [
        ("org/repo", true),
        ("team/one", true),
        ("team/two", false),
        ("organ/repo", false),
    ] {
        let may = powers.may(Right::DecideCase, &case(repository, false));
        assert_eq!(may, expected, "{repository}");
    }
    let elsewhere = Matter::Case(Case {
        upstream: "gitlab.com",
        repository: "org/repo",
        folds: false,
        own: false,
    });
    assert!(!powers.may(Right::DecideCase, &elsewhere));
    assert!(powers.may_somewhere(Right::DecideCase));
    assert!(!powers.may_somewhere(Right::ManagePeople));
}

#[test]
fn roles_that_do_not_go_together_are_named() {
    for (roles, expected) in [
        (&["reviewer", "developer", "security"][..], None),
        (&["operator", "developer"], None),
        (&["operator", "auditor"], Some(Role::Operator)),
        (&["reviewer:github.com", "operator"], Some(Role::Operator)),
        (&["service", "ospo"], Some(Role::Service)),
        (&["service", "operator"], None),
    ] {
        assert_eq!(silencing(&person(roles)), expected, "{roles:?}");
    }
}
