//! Numbers that stand for people and their money: what authorities and banks say of their form, check digits first.
//!
//! None of these is proof by itself: one number in ten passes Luhn. A rule asks for a word beside the number as well.

mod australia;
mod belgium;
mod brazil;
mod britain;
mod canada;
mod card;
mod china;
mod denmark;
mod digits;
mod finland;
mod france;
mod germany;
mod iban;
mod india;
mod italy;
mod japan;
mod korea;
mod mexico;
mod netherlands;
mod norway;
mod poland;
mod south_africa;
mod spain;
mod sweden;
mod switzerland;
mod turkey;
mod usa;

use super::Validator;
pub(super) use digits::is_luhn;

const fn person(name: &'static str, about: &'static str, check: fn(&[u8]) -> bool) -> Validator {
    Validator {
        name,
        about,
        check,
        // It is what tells a number of a person from any other, so nobody can do without.
        is_checksum: false,
    }
}

/// Every validator of this kind.
pub(super) const ALL: &[Validator] = &[
    person(
        "payment-card",
        "a card number: an issuer's range and length, a right Luhn digit, no published test number",
        card::is_number,
    ),
    person(
        "iban",
        "an IBAN: a country and its length, right check digits",
        iban::is_number,
    ),
    person(
        "us-ssn",
        "a US social security number that may have been given",
        usa::is_ssn,
    ),
    person(
        "ca-sin",
        "a Canadian social insurance number with a right check digit",
        canada::is_sin,
    ),
    person(
        "mx-curp",
        "a Mexican CURP with a date and a right check digit",
        mexico::is_curp,
    ),
    person(
        "br-cpf",
        "a Brazilian CPF with right check digits",
        brazil::is_cpf,
    ),
    person(
        "br-cnpj",
        "a Brazilian CNPJ, of digits or letters, with right check digits",
        brazil::is_cnpj,
    ),
    person(
        "uk-nhs",
        "a British NHS number with a right check digit",
        britain::is_nhs,
    ),
    person(
        "uk-nino",
        "a British national insurance number with a prefix that is given",
        britain::is_nino,
    ),
    person(
        "de-tax-id",
        "a German tax number (IdNr) with a right check digit",
        germany::is_tax_id,
    ),
    person(
        "fr-nir",
        "a French social security number (NIR) with a right key",
        france::is_nir,
    ),
    person(
        "es-dni",
        "a Spanish DNI or NIE with the right letter",
        spain::is_dni,
    ),
    person(
        "it-codice-fiscale",
        "an Italian codice fiscale with a date and the right letter",
        italy::is_codice_fiscale,
    ),
    person(
        "pl-pesel",
        "a Polish PESEL with a date and a right check digit",
        poland::is_pesel,
    ),
    person(
        "nl-bsn",
        "a Dutch BSN that passes the test of eleven",
        netherlands::is_bsn,
    ),
    person(
        "be-national-number",
        "a Belgian national number with a date and right check digits",
        belgium::is_national_number,
    ),
    person(
        "se-personnummer",
        "a Swedish personnummer with a date and a right check digit",
        sweden::is_personnummer,
    ),
    person(
        "no-fodselsnummer",
        "a Norwegian fødselsnummer with a date and right check digits",
        norway::is_fodselsnummer,
    ),
    person(
        "fi-hetu",
        "a Finnish henkilötunnus with a date and the right check letter",
        finland::is_hetu,
    ),
    person(
        "dk-cpr",
        "a Danish CPR number with a date; it has no check digit any more",
        denmark::is_cpr,
    ),
    person(
        "ch-ahv",
        "a Swiss AHV number with a right check digit",
        switzerland::is_ahv,
    ),
    person(
        "tr-tckn",
        "a Turkish identity number with right check digits",
        turkey::is_tckn,
    ),
    person(
        "in-aadhaar",
        "an Indian Aadhaar number with a right check digit",
        india::is_aadhaar,
    ),
    person(
        "in-pan",
        "an Indian PAN of a person, by its form",
        india::is_pan,
    ),
    person(
        "cn-resident-id",
        "a Chinese resident identity number with a date and a right check digit",
        china::is_resident_id,
    ),
    person(
        "jp-my-number",
        "a Japanese individual number with a right check digit",
        japan::is_my_number,
    ),
    person(
        "kr-rrn",
        "a Korean resident registration number with a date and a right check digit",
        korea::is_rrn,
    ),
    person(
        "au-tfn",
        "an Australian tax file number with right check digits",
        australia::is_tfn,
    ),
    person(
        "au-medicare",
        "an Australian Medicare number with a right check digit",
        australia::is_medicare,
    ),
    person(
        "za-id",
        "a South African identity number with a date and a right check digit",
        south_africa::is_id,
    ),
];

#[cfg(test)]
mod tests;
