//! Numbers that authorities publish as examples, and numbers of chance.

use super::*;
use crate::template::expand;

/// Examples of the sources that the validators name, or of the same authority's forms. Two pieces each, so that this file holds none.
const PUBLISHED: &[(&str, &str, &str)] = &[
    ("ca-sin", "130 692", " 544"),
    ("mx-curp", "HEGG560427", "MVZRRL04"),
    ("mx-curp", "BOXW310820", "HNERXN09"),
    ("br-cpf", "111.444.", "777-35"),
    ("br-cnpj", "11.222.333", "/0001-81"),
    ("br-cnpj", "12.ABC.345", "/01DE-35"),
    ("uk-nhs", "943 476", " 5919"),
    ("uk-nino", "AB 12 34", " 56 C"),
    ("de-tax-id", "860 957", "42719"),
    ("de-tax-id", "65 929 ", "970 489"),
    ("fr-nir", "2 55 08 14 168", " 025 38"),
    ("es-dni", "12345678", "Z"),
    ("es-dni", "X-1234567", "-L"),
    ("it-codice-fiscale", "RSSMRA85", "T10A562S"),
    ("pl-pesel", "440514", "01359"),
    ("nl-bsn", "1112", "22333"),
    ("be-national-number", "85.07.30-", "033.28"),
    ("se-personnummer", "811218-", "9876"),
    ("se-personnummer", "19811218", "9876"),
    ("no-fodselsnummer", "150765", "00565"),
    ("fi-hetu", "131052-", "308T"),
    ("dk-cpr", "070761-", "4285"),
    ("ch-ahv", "756.9217.", "0769.85"),
    ("tr-tckn", "100000", "00146"),
    ("in-aadhaar", "9999 4105", " 7058"),
    ("in-pan", "AAAPL", "1234C"),
    ("cn-resident-id", "11010519", "491231002X"),
    ("jp-my-number", "1234 5678", " 9018"),
    ("kr-rrn", "971013-", "9019902"),
    ("au-tfn", "123 456", " 782"),
    ("au-medicare", "2123 4567", "0 1"),
    ("za-id", "800101", "5009087"),
];

/// No valid number, and why.
const WRONG: &[(&str, &str, &str)] = &[
    ("payment-card", "4242424242424242", "published"),
    ("payment-card", "5105105105105100", "published"),
    ("payment-card", "1234567812345670", "a row"),
    ("payment-card", "9999999999999995", "no issuer"),
    ("payment-card", "4539578763621487", "Luhn"),
    ("iban", "DE89370400440532013001", "check digits"),
    ("iban", "DE89370400440532013000", "published"),
    ("iban", "DE89 3704 0044 0532 0130 00", "published"),
    ("iban", "GB29 NWBK 6016 1331 9268 19", "published"),
    ("iban", "DE8937040044053201300", "too short"),
    ("iban", "QQ89370400440532013000", "no country"),
    ("us-ssn", "000-12-3456", "no area"),
    ("us-ssn", "666-12-3456", "no area"),
    ("us-ssn", "900-12-3456", "no area"),
    ("us-ssn", "412-00-3456", "no group"),
    ("us-ssn", "412-34-0000", "no serial number"),
    ("us-ssn", "078-05-1120", "printed on a purse"),
    ("us-ssn", "123-45-6789", "typed by everybody"),
    ("ca-sin", "046 454 286", "begins with 0"),
    ("br-cpf", "111.111.111-11", "one digit"),
    ("br-cnpj", "00.000.000/0000-00", "one digit"),
    ("uk-nhs", "943 476 5918", "check digit"),
    ("uk-nhs", "999 123 4564", "kept for tests"),
    ("uk-nino", "QQ 12 34 56 C", "prefix of examples"),
    ("uk-nino", "GB 12 34 56 C", "prefix that is not given"),
    ("uk-nino", "AB 12 34 56 E", "suffix"),
    ("de-tax-id", "12345678903", "no digit twice"),
    ("fr-nir", "2 55 13 14 168 025 30", "no month"),
    ("es-dni", "12345678A", "letter"),
    ("it-codice-fiscale", "RSSMRA85T10A562T", "letter"),
    ("it-codice-fiscale", "RSSMRA85T39A562S", "no day"),
    ("pl-pesel", "44131401359", "no month"),
    ("nl-bsn", "111222334", "test of eleven"),
    ("se-personnummer", "811318-9876", "no month"),
    ("fi-hetu", "131052-308U", "letter"),
    ("dk-cpr", "320761-4285", "no day"),
    ("ch-ahv", "757.9217.0769.85", "country"),
    ("tr-tckn", "10000000147", "check digit"),
    ("in-aadhaar", "9999 4105 7059", "check digit"),
    ("in-pan", "AAACL1234C", "of a firm"),
    ("cn-resident-id", "110105194912310021", "check character"),
    ("kr-rrn", "971313-9019902", "no month"),
    ("au-medicare", "1123 45670 1", "first digit"),
];

fn check(name: &str, text: &str) -> bool {
    let validator = crate::validators::find(name).unwrap_or_else(|| panic!("{name}"));
    (validator.check)(text.as_bytes())
}

#[test]
fn published_numbers_pass() {
    for (name, first, second) in PUBLISHED {
        assert!(check(name, &format!("{first}{second}")), "{name} {first}");
    }
}

#[test]
fn wrong_numbers_fail() {
    for (name, text, why) in WRONG {
        assert!(!check(name, text), "{name} {text}: {why}");
    }
}

#[test]
fn letters_of_either_case_count() {
    let account = expand("{{id iban-gb a}}").unwrap().to_lowercase();
    assert!(check("iban", &account));
    assert!(check("fi-hetu", "131052-308t"));
    assert!(check("es-dni", "12345678z"));
}

#[test]
fn accounts_are_grouped_in_fours() {
    let account = expand("{{id iban a}}").unwrap();
    let grouped = |size: usize| {
        let groups = account.as_bytes().chunks(size).map(String::from_utf8_lossy);
        groups.collect::<Vec<_>>().join(" ")
    };
    assert!(check("iban", &grouped(4)));
    assert!(!check("iban", &grouped(5)));
}

#[test]
fn cards_are_grouped_as_on_cards() {
    let card = expand("{{id visa a}}").unwrap();
    let grouped = |mark: &str| {
        let groups = card.as_bytes().chunks(4).map(String::from_utf8_lossy);
        groups.collect::<Vec<_>>().join(mark)
    };
    assert!(check("payment-card", &card));
    assert!(check("payment-card", &grouped(" ")));
    assert!(check("payment-card", &grouped("-")));
    assert!(!check("payment-card", &grouped(".")));
    assert!(!check("payment-card", &grouped("  ")));
    let pairs: Vec<_> = card
        .as_bytes()
        .chunks(2)
        .map(String::from_utf8_lossy)
        .collect();
    assert!(!check("payment-card", &pairs.join("-")));
}

/// Validator and kind, where the check digits tell every single digit that is wrong.
const SURE: &[(&str, &str)] = &[
    ("payment-card", "visa"),
    ("payment-card", "mastercard"),
    ("payment-card", "amex"),
    ("iban", "iban"),
    ("iban", "iban-gb"),
    ("ca-sin", "ca-sin"),
    ("uk-nhs", "uk-nhs"),
    ("de-tax-id", "de-tax-id"),
    ("fr-nir", "fr-nir"),
    ("es-dni", "es-dni"),
    ("it-codice-fiscale", "it-codice-fiscale"),
    ("pl-pesel", "pl-pesel"),
    ("nl-bsn", "nl-bsn"),
    ("se-personnummer", "se-personnummer"),
    ("no-fodselsnummer", "no-fodselsnummer"),
    ("fi-hetu", "fi-hetu"),
    ("ch-ahv", "ch-ahv"),
    ("tr-tckn", "tr-tckn"),
    ("in-aadhaar", "in-aadhaar"),
    ("cn-resident-id", "cn-resident-id"),
    ("au-tfn", "au-tfn"),
    ("za-id", "za-id"),
];

#[test]
fn one_wrong_digit_is_seen() {
    for (name, kind) in SURE {
        for seed in 0..20 {
            let text = expand(&format!("{{{{id {kind} s{seed}}}}}")).unwrap();
            assert!(check(name, &text), "{kind} {text}");
            let digits = text.bytes().enumerate();
            for (place, digit) in digits.filter(|(_, byte)| byte.is_ascii_digit()) {
                for other in (b'0'..=b'9').filter(|other| *other != digit) {
                    let mut wrong = text.clone().into_bytes();
                    wrong[place] = other;
                    let wrong = String::from_utf8(wrong).unwrap();
                    assert!(!check(name, &wrong), "{kind} {text} {wrong}");
                }
            }
        }
    }
}

/// Numbers of chance in the form of a kind pass about as often as its check digits promise, and not all.
#[test]
fn chance_passes_seldom() {
    let mut random = crate::random::Random::from_word("chance");
    for validator in ALL {
        let Some(form) = crate::template::id_form(validator.name) else {
            continue;
        };
        let tries = 4000;
        let passed = (0..tries).filter(|_| {
            let text = crate::template::id_filled(form, &mut random);
            (validator.check)(text.as_bytes())
        });
        let passed = passed.count();
        let most = match validator.name {
            // These have no check digit.
            "us-ssn" | "uk-nino" | "in-pan" | "dk-cpr" => tries,
            _ => tries / 4,
        };
        assert!(passed <= most, "{} {passed}", validator.name);
    }
}
