//! Numbers of people and of their money whose check digits are right: `{{id KIND SEED}}`.

use crate::random::Random;
use crate::validators;

/// How to write it, with every kind.
pub(super) const USAGE: &str = "id KIND SEED; KIND is visa, mastercard, amex, iban, iban-gb, or the name of a validator of such numbers: us-ssn, ca-sin, mx-curp, br-cpf, \
     br-cnpj, uk-nhs, uk-nino, de-tax-id, fr-nir, es-dni, it-codice-fiscale, pl-pesel, nl-bsn, be-national-number, se-personnummer, no-fodselsnummer, fi-hetu, dk-cpr, \
     ch-ahv, tr-tckn, in-aadhaar, in-pan, cn-resident-id, jp-my-number, kr-rrn, au-tfn, au-medicare or za-id";

/// Kind, validator, and form: `#` is any digit, `A` any letter, `@` a letter of Italian months; all else is itself. Dates have places of
/// which chance soon makes one.
const FORMS: &[(&str, &str, &str)] = &[
    ("visa", "payment-card", "4###############"),
    ("mastercard", "payment-card", "52##############"),
    ("amex", "payment-card", "37#############"),
    ("iban", "iban", "DE####################"),
    ("iban-gb", "iban", "GB##AAAA##############"),
    ("us-ssn", "us-ssn", "###-##-####"),
    ("ca-sin", "ca-sin", "### ### ###"),
    ("mx-curp", "mx-curp", "AAAA##0#1#HAAAAA##"),
    ("br-cpf", "br-cpf", "###.###.###-##"),
    ("br-cnpj", "br-cnpj", "##.###.###/0001-##"),
    ("uk-nhs", "uk-nhs", "### ### ####"),
    ("uk-nino", "uk-nino", "AA######C"),
    ("de-tax-id", "de-tax-id", "###########"),
    ("fr-nir", "fr-nir", "2##0###########"),
    ("es-dni", "es-dni", "########A"),
    ("it-codice-fiscale", "it-codice-fiscale", "AAAAAA##@1#A###A"),
    ("pl-pesel", "pl-pesel", "##0#1######"),
    ("nl-bsn", "nl-bsn", "#########"),
    (
        "be-national-number",
        "be-national-number",
        "##.0#.1#-###.##",
    ),
    ("se-personnummer", "se-personnummer", "##0#1#-####"),
    ("no-fodselsnummer", "no-fodselsnummer", "1#0########"),
    ("fi-hetu", "fi-hetu", "1#0###-###A"),
    ("dk-cpr", "dk-cpr", "1#0###-####"),
    ("ch-ahv", "ch-ahv", "756.####.####.##"),
    ("tr-tckn", "tr-tckn", "###########"),
    ("in-aadhaar", "in-aadhaar", "#### #### ####"),
    ("in-pan", "in-pan", "AAAPA####A"),
    ("cn-resident-id", "cn-resident-id", "11010#19##0#1#####"),
    ("jp-my-number", "jp-my-number", "############"),
    ("kr-rrn", "kr-rrn", "##0#1#-2######"),
    ("au-tfn", "au-tfn", "### ### ###"),
    ("au-medicare", "au-medicare", "#### ##### #"),
    ("za-id", "za-id", "##0#1########"),
];

/// Numbers of chance that are tried at most; of the rarest kind one in some thousands passes.
const TRIES: usize = 1_000_000;

/// A number of that kind that nobody was given, as far as its form tells. None if there is no such kind.
pub(super) fn id(kind: &str, seed: &str) -> Option<String> {
    let (_, validator, form) = FORMS.iter().find(|(name, ..)| *name == kind)?;
    let validator = validators::find(validator)?;
    let mut random = Random::from_word(&format!("{kind} {seed}"));
    let mut tries = (0..TRIES).map(|_| filled(form, &mut random));
    tries.find(|text| (validator.check)(text.as_bytes()))
}

/// A text of that form.
pub(crate) fn filled(form: &str, random: &mut Random) -> String {
    let letter = |place| match place {
        '#' => random.text(1, "0123456789"),
        'A' => random.text(1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        '@' => random.text(1, "ABCDEHLMPRST"),
        _ => String::from(place),
    };
    form.chars().map(letter).collect()
}

/// The form of a validator's numbers, if there is one.
#[cfg(test)]
pub(crate) fn form(validator: &str) -> Option<&'static str> {
    let of_it = FORMS
        .iter()
        .find(|(_, checked_by, _)| *checked_by == validator);
    of_it.map(|(_, _, form)| *form)
}
