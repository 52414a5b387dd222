//! What commits and tags say of people, held against what is asked of it. It is data, not identity: anyone can write it.

use exeat_gitwire::{
    HashKind, ObjectId,
    objects::{
        commit::Commit,
        tag::Tag,
        trailers::{Trailer, Trailers},
    },
    pack::{Kind, Spool},
};
use exeat_rules::{Action, Severity};

use crate::{
    address::{Address, MailDomain},
    ancestry::Ancestry,
    batch::Shared,
    finding::{Finding, Part, Place},
    names::Names,
    pack::Error,
    stored::Stored,
};

/// Findings of one demand that are told one by one; the others are counted.
const MOST_TOLD: usize = 100;
/// Objects that are remembered as failing the very same demands, 8 bytes each: 8 MiB a push at most. The others are counted.
const MOST_ALIKE: u64 = 1 << 16;
/// How armour begins: of OpenPGP, X.509 and SSH, as git takes it.
const ARMOUR: [&[u8]; 4] = [
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
    b"-----BEGIN SSH SIGNATURE-----",
];

/// What is asked. What has no action is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// Where mail addresses of authors, committers and taggers may be. None: anywhere.
    pub mail_domains: Vec<MailDomain>,
    pub mail_domains_action: Option<Action>,
    /// Author or committer, or the tagger, is who pushes.
    pub not_pusher_action: Option<Action>,
    /// Author or committer has signed off. Merges need not.
    pub sign_off_action: Option<Action>,
    /// A signature is there. Nobody looks whether it is right.
    pub signature_action: Option<Action>,
    /// Authors who need not sign off.
    pub bots: Vec<Address>,
}

/// One thing that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    MailDomain,
    Pusher,
    SignOff,
    Signature,
}

impl Demand {
    pub const ALL: [Self; 4] = [
        Self::MailDomain,
        Self::Pusher,
        Self::SignOff,
        Self::Signature,
    ];

    /// The name under which findings of it are told.
    pub fn rule(self) -> &'static str {
        match self {
            Self::MailDomain => "identity-mail-domain",
            Self::Pusher => "identity-not-pusher",
            Self::SignOff => "sign-off-missing",
            Self::Signature => "signature-missing",
        }
    }

    /// The demand that this rule's findings are of.
    pub fn of_rule(rule: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|demand| demand.rule() == rule)
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Demands {
    /// What becomes of it where the demand is not met; none where it is not asked.
    pub fn action(&self, demand: Demand) -> Option<Action> {
        match demand {
            Demand::MailDomain if self.mail_domains.is_empty() => None,
            Demand::MailDomain => self.mail_domains_action,
            Demand::Pusher => self.not_pusher_action,
            Demand::SignOff => self.sign_off_action,
            Demand::Signature => self.signature_action,
        }
    }

    /// What this object fails, of an inspection in which `pusher` pushes; his known addresses.
    pub(crate) fn failed(
        &self,
        pusher: Option<&[String]>,
        hash: HashKind,
        kind: Kind,
        data: &[u8],
    ) -> Failed {
        if Demand::ALL
            .iter()
            .all(|&demand| self.action(demand).is_none())
        {
            return Failed::default();
        }
        let Some(said) = Said::read(hash, kind, data) else {
            return Failed::default();
        };
        let mut failed = Failed::default();
        for demand in Demand::ALL {
            if self.action(demand).is_some() && !self.is_met(demand, &said, pusher) {
                failed.0 |= demand.bit();
            }
        }
        failed
    }

    fn is_met(&self, demand: Demand, said: &Said<'_>, pusher: Option<&[String]>) -> bool {
        match demand {
            Demand::MailDomain => said.people.iter().all(|line| self.may_write(line)),
            Demand::Pusher => {
                let known = pusher.unwrap_or_default().iter();
                let known: Vec<_> = known
                    .filter_map(|address| Address::parse(address.as_bytes()))
                    .collect();
                let mut people = said.first.iter().filter_map(|line| address(line));
                people.any(|address| known.contains(&address))
            }
            Demand::SignOff => said.is_exempt || self.has_signed_off(said),
            Demand::Signature => said.is_signed,
        }
    }

    fn may_write(&self, line: &[u8]) -> bool {
        address(line).is_some_and(|address| self.allows(&address))
    }

    fn allows(&self, address: &Address) -> bool {
        self.mail_domains.iter().any(|domain| domain.holds(address))
    }

    fn has_signed_off(&self, said: &Said<'_>) -> bool {
        let people: Vec<_> = said.first.iter().filter_map(|line| address(line)).collect();
        let author = said.first.first().and_then(|line| address(line));
        if author.is_some_and(|author| self.bots.contains(&author)) {
            return true;
        }
        let is_sign_off = |trailer: &Trailer<'_>| {
            trailer.key.eq_ignore_ascii_case(b"Signed-off-by")
                && address(&trailer.value()).is_some_and(|signed| people.contains(&signed))
        };
        Trailers::of_commit(said.message).any(|trailer| is_sign_off(&trailer))
    }
}

/// The one address of a line such as `Name <mail> 1700000000 +0100`. git writes no other angle brackets into it; where
/// there are some, it depends on the reader whose line it is.
fn address(line: &[u8]) -> Option<Address> {
    let (name, rest) = split(line, b'<')?;
    let (mail, behind) = split(rest, b'>')?;
    let odd = |text: &[u8]| text.contains(&b'<') || text.contains(&b'>');
    if odd(name) || odd(mail) || odd(behind) {
        return None;
    }
    Address::parse(mail)
}

fn split(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&candidate| candidate == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// What one commit or tag says.
struct Said<'a> {
    /// Every line that names somebody; an empty one for each that is missing.
    people: Vec<&'a [u8]>,
    /// The lines that count: author and committer, or the tagger.
    first: Vec<&'a [u8]>,
    message: &'a [u8],
    /// It need not be signed off.
    is_exempt: bool,
    is_signed: bool,
}

impl<'a> Said<'a> {
    fn read(hash: HashKind, kind: Kind, data: &'a [u8]) -> Option<Self> {
        match kind {
            Kind::Commit => Commit::parse(hash, data)
                .ok()
                .map(|commit| Self::of(&commit)),
            Kind::Tag => Tag::parse(hash, data).ok().map(|tag| Self::of_tag(&tag)),
            Kind::Blob | Kind::Tree => None,
        }
    }

    fn of(commit: &Commit<'a>) -> Self {
        let first = [commit.author(), commit.committer()];
        let first: Vec<_> = first.map(Option::unwrap_or_default).to_vec();
        let mut people = first.clone();
        let mut is_signed = false;
        for header in commit.headers() {
            match header.name {
                b"author" | b"committer" => people.push(header.value),
                b"gpgsig" | b"gpgsig-sha256" => {
                    is_signed |= ARMOUR.iter().any(|line| header.value.starts_with(line));
                }
                _ => {}
            }
        }
        Self {
            people,
            first,
            message: commit.message(),
            is_exempt: commit.parents().len() > 1,
            is_signed,
        }
    }

    fn of_tag(tag: &Tag<'a>) -> Self {
        let tagger = tag.tagger().unwrap_or_default();
        let mut people = vec![tagger];
        let mut is_signed = false;
        for header in tag.headers() {
            match header.name {
                b"tagger" => people.push(header.value),
                b"gpgsig" | b"gpgsig-sha256" => {
                    is_signed |= ARMOUR.iter().any(|line| header.value.starts_with(line));
                }
                _ => {}
            }
        }
        let mut lines = tag.message().split(|&byte| byte == b'\n');
        is_signed |= lines.any(|line| ARMOUR.iter().any(|armour| line.starts_with(armour)));
        Self {
            people,
            first: vec![tagger],
            message: b"",
            is_exempt: true,
            is_signed,
        }
    }
}

/// Which demands an object fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failed(u8);

impl Failed {
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// An object of the pack that fails a demand.
#[derive(Clone, Copy, Debug)]
pub struct Noted {
    /// Its entry in the pack.
    pub entry: u32,
    pub failed: Failed,
}

/// All that fails, counted, and as many objects as are remembered.
#[derive(Default)]
pub struct Noting {
    kept: Vec<Noted>,
    /// By what they fail.
    counts: [u64; 16],
}

impl Noting {
    pub fn note(&mut self, noted: Noted) {
        let Some(count) = self.counts.get_mut(usize::from(noted.failed.0)) else {
            return;
        };
        *count += 1;
        if *count <= MOST_ALIKE {
            self.kept.push(noted);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    fn count(&self, demand: Demand) -> u64 {
        let counts = (0_u8..).zip(self.counts);
        let failing = counts.filter(|(failed, _)| failed & demand.bit() != 0);
        failing.map(|(_, count)| count).sum()
    }
}

/// How many objects failed a demand, where not all of them are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub rule: &'static str,
    pub all: u64,
}

/// The findings of what was noted, oldest commit first: of each demand at least one, and of all at most `room`. With how
/// often each demand failed.
///
/// # Errors
/// When the spool cannot be read again, or the inspection is stopped.
pub(crate) fn tell<S: Spool>(
    mut noting: Noting,
    stored: &mut Stored<'_, S>,
    ancestry: &Ancestry,
    shared: &Shared,
    names: &mut Names<'_>,
    room: usize,
) -> Result<(Vec<Finding>, Vec<Counted>), Error> {
    noting.kept.sort_unstable_by_key(|noted| {
        let is_tag = stored.pack.kind(noted.entry) == Some(Kind::Tag);
        (is_tag, ancestry.rank(noted.entry), noted.entry)
    });
    let most = (room / Demand::ALL.len()).clamp(1, MOST_TOLD);
    let (mut findings, mut counted) = (Vec::new(), Vec::new());
    for demand in Demand::ALL {
        let Some(action) = shared.demands.action(demand) else {
            continue;
        };
        let failing = noting
            .kept
            .iter()
            .filter(|noted| noted.failed.0 & demand.bit() != 0);
        for noted in failing.take(most) {
            shared.go_on()?;
            let id = stored.ids.get(noted.entry).ok_or(Error::WorkerFailed)?;
            let (kind, data) = stored.pack.read(noted.entry)?;
            let said = Said::read(stored.hash, kind, &data).ok_or(Error::WorkerFailed)?;
            let who = shared.demands.who(demand, &said);
            let shown = who.map(|line| names.show(line));
            let fingerprint = shared
                .key
                .fingerprint(demand.rule(), who.unwrap_or_default());
            findings.push(Finding {
                description: describe(demand, shown.as_deref(), shared.pusher.is_some()),
                severity: Severity::Medium,
                first_line: 1,
                ..Finding::new(demand.rule(), action, place(demand, kind, id), fingerprint)
            });
        }
        let all = noting.count(demand);
        if all > most as u64 {
            let rule = demand.rule();
            counted.push(Counted { rule, all });
        }
    }
    Ok((findings, counted))
}

impl Demands {
    /// The line that fails the demand, up to its mail address.
    fn who<'a>(&self, demand: Demand, said: &Said<'a>) -> Option<&'a [u8]> {
        let line = match demand {
            Demand::MailDomain => said.people.iter().find(|line| !self.may_write(line)),
            Demand::Pusher | Demand::SignOff => said.first.first(),
            Demand::Signature => None,
        }?;
        // Without the time, so that the same person is the same each time.
        let end = line.iter().rposition(|&byte| byte == b'>');
        line.get(..end.map_or(line.len(), |end| end + 1))
    }
}

fn describe(demand: Demand, who: Option<&str>, pusher_is_known: bool) -> String {
    let who = match who {
        None | Some("") => "nobody",
        Some(who) => who,
    };
    match demand {
        Demand::MailDomain => format!("{who} has no mail address of an allowed domain"),
        Demand::Pusher if pusher_is_known => format!("{who} is not who pushes"),
        Demand::Pusher => format!("{who} wrote it, and who pushes is not known"),
        Demand::SignOff => format!("no sign-off of its author or committer ({who})"),
        Demand::Signature => "no signature".to_owned(),
    }
}

fn place(demand: Demand, kind: Kind, id: ObjectId) -> Place {
    let id = id.to_string();
    let part = match (kind, demand) {
        (Kind::Tag, _) => Part::Tag,
        (_, Demand::MailDomain | Demand::Pusher) => Part::Author,
        (_, Demand::SignOff) => Part::CommitMessage,
        (_, Demand::Signature) => Part::CommitHeader,
    };
    Place {
        part,
        commit: (kind == Kind::Commit).then(|| id.clone()),
        object: Some(id),
        ..Place::first_line()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    fn demands() -> Demands {
        Demands {
            mail_domains: vec![MailDomain::parse("bank.example").unwrap()],
            mail_domains_action: Some(Action::Block),
            not_pusher_action: Some(Action::Block),
            sign_off_action: Some(Action::Block),
            signature_action: Some(Action::Block),
            bots: vec![Address::parse(b"bot@ci.example").unwrap()],
        }
    }

    fn failed(kind: Kind, text: &str) -> Vec<Demand> {
        let pusher = [String::from("me@Bank.Example")];
        let failed = demands().failed(Some(&pusher), HashKind::Sha1, kind, text.as_bytes());
        let is_in = |demand: &Demand| failed.0 & demand.bit() != 0;
        Demand::ALL.into_iter().filter(is_in).collect()
    }

    fn commit(author: &str, committer: &str, more: &str) -> Vec<Demand> {
        let text = format!(
            "tree {ID}\nauthor {author} 1 +0000\ncommitter {committer} 1 +0000\ngpgsig {}\n x\n{more}",
            "-----BEGIN SSH SIGNATURE-----"
        );
        failed(Kind::Commit, &text)
    }

    const ME: &str = "M E <me@bank.example>";

    #[test]
    fn what_is_asked_is_met() {
        let signed = "\nt\n\nsigned-off-by: M <me@BANK.example>\n";
        assert_eq!(commit(ME, ME, signed), []);
        assert_eq!(commit(ME, ME, "\nt\n"), [Demand::SignOff]);
        assert_eq!(
            commit(ME, ME, "\nt\n\nSigned-off-by: M <Me@bank.example>\n"),
            [Demand::SignOff]
        );
        assert_eq!(
            commit("x <bot@ci.example>", ME, "\nt\n"),
            [Demand::MailDomain]
        );
        assert_eq!(
            commit(ME, "x <a@b.bank.example>", signed),
            [Demand::MailDomain]
        );
        let of_another = "\nt\n\nSigned-off-by: a <a@bank.example>\n";
        assert_eq!(
            commit("a <a@bank.example>", "a <a@bank.example>", of_another),
            [Demand::Pusher]
        );
        let text =
            format!("tree {ID}\nparent {ID}\nparent {ID}\nauthor {ME}\ncommitter {ME}\n\nt\n");
        assert_eq!(failed(Kind::Commit, &text), [Demand::Signature]);
    }

    #[test]
    fn lines_that_can_be_read_in_two_ways_name_nobody() {
        let evil = "a <evil@home.example> <me@bank.example>";
        let all = [Demand::MailDomain, Demand::Pusher, Demand::SignOff];
        for line in [
            evil,
            "me@bank.example",
            "",
            "<>",
            "a <b@c>me@bank.example>",
            "a <me@x@bank.example>",
        ] {
            assert_eq!(
                commit(line, line, "\nt\n\nSigned-off-by: M <me@bank.example>\n"),
                all,
                "{line}"
            );
        }
        // A second line counts where every line has to be right, and nowhere else.
        let second = format!("author e <e@home.example> 1 +0000\n\nt\n\nSigned-off-by: {ME}\n");
        assert_eq!(commit(ME, ME, &second), [Demand::MailDomain]);
        assert_eq!(
            failed(Kind::Commit, &format!("tree {ID}\n\nt\n")),
            Demand::ALL
        );
    }

    #[test]
    fn tags_are_of_somebody_and_signed_in_their_text() {
        let tag = |more: &str| {
            failed(
                Kind::Tag,
                &format!("object {ID}\ntype commit\ntag v\n{more}"),
            )
        };
        let armour = "-----BEGIN PGP SIGNATURE-----";
        assert_eq!(tag(&format!("tagger {ME} 1 +0000\n\nt\n{armour}\n")), []);
        assert_eq!(
            tag(&format!("tagger {ME} 1 +0000\n\nt {armour}\n")),
            [Demand::Signature]
        );
        assert_eq!(
            tag(&format!("\nt\n{armour}\n")),
            [Demand::MailDomain, Demand::Pusher]
        );
    }

    #[test]
    fn nothing_asked_fails_nothing_and_an_unknown_pusher_is_nobody() {
        let text = format!("tree {ID}\nauthor {ME}\ncommitter {ME}\n\nt\n");
        let text = text.as_bytes();
        let none = Demands::default().failed(None, HashKind::Sha1, Kind::Commit, text);
        assert!(none.is_none());
        let asked = Demands {
            not_pusher_action: Some(Action::Warn),
            ..Demands::default()
        };
        assert!(
            !asked
                .failed(None, HashKind::Sha1, Kind::Commit, text)
                .is_none()
        );
    }
}
