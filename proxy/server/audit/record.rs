//! What an audit record says: the values the push pipeline hands over, and the two halves they are kept in.
//!
//! A record has two halves. The `Leaf` is what the tree is made of and can never change: machine facts that are
//! nobody's personal data, and a salted commitment to each part of the other half. The `Payload` is that other half: who,
//! what repository, which refs and paths. It can be erased without touching the tree.
//!
//! Canonical bytes. A leaf is the compact JSON of `Leaf`: no white space, fields in the order of the struct, absent
//! options, empty lists, `bases`, `layers`, `decoded`, `members` and `media` of 0, `existing` of false, no `allowlisted`, no `excused`, no `person` and no `account`
//! left out. A commitment is
//! `SHA-256(salt || part name || 0x00 || part)`, where the salt is 32 random bytes of this record alone, the part name is
//! `actor`, `target`, `findings` or `note`, and the part is the compact JSON of the field of that name in `Payload`,
//! written by the same rules. Whoever wants to check a record needs these rules and SHA-256, nothing of ours.
//!
//! Names that hold control characters are escaped by the caller; nothing here holds the text of a secret, only its masked
//! excerpt and its fingerprint.

use serde::{Deserialize, Serialize};

/// Position of a record in the chain, counted from 1. The leaf's index in the tree is one less.
pub type Seq = u64;

/// The version of the leaf's form that this binary writes.
pub const VERSION: u32 = 1;

/// The verdict on a push, before it is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The short id that the developer, the log and the record share.
    pub push: String,
    pub actor: Actor,
    pub target: Target,
    /// Hex SHA-256 over the canonical head of the request (commands, capabilities, options); none where it was not
    /// understood.
    pub request: Option<String>,
    pub verdict: Verdict,
    /// The held push whose approval lets it go, or that it is.
    pub case: Option<String>,
    /// Why: one entry per rule, limit or policy sentence that took part.
    pub reasons: Vec<Reason>,
    /// Where: masked. At most `limits.findings` of them.
    pub findings: Vec<Finding>,
    pub coverage: Coverage,
    pub digests: Digests,
}

/// What became of a push that was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub ending: Ending,
    /// Bytes of the request body that went upstream.
    pub forwarded_bytes: u64,
    /// One calm sentence: the upstream's answer or what failed. Personal half; at most a few hundred characters.
    pub note: String,
}

impl Outcome {
    /// Of a push that did not get out.
    pub fn not_sent(why: &impl std::fmt::Display) -> Self {
        Self {
            ending: Ending::NotSent,
            forwarded_bytes: 0,
            note: why.to_string(),
        }
    }
}

/// A start of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The version of the binary.
    pub version: String,
    pub digests: Digests,
}

/// A wish to erase the personal halves of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Who asked for it.
    pub actor: Actor,
    /// Why, in a sentence.
    pub reason: String,
}

/// Something that was done, neither a push nor a start: to a case, a person, a token, a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub kind: Kind,
    /// What was done, in a word: `add`, `approve`, `revoke`.
    pub action: &'static str,
    pub actor: Actor,
    /// The push whose case it is about.
    pub case: Option<String>,
    /// The id of what it was done to. Never a name: names are personal.
    pub subject: Option<String>,
    /// Hex SHA-256 of what it was done to, before and after, where it was changed.
    pub before: Option<String>,
    pub after: Option<String>,
    /// What it was in words, with names and reasons. Personal half; at most a few hundred characters.
    pub note: Option<String>,
}

/// Who acted. Everything here is personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    pub kind: ActorKind,
    /// The name the client claimed, escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether an authority confirmed the name or credential. A name alone proves nothing.
    pub verified: bool,
    /// Keyed hash of the credential, hex: the same credential gives the same hash here and nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The subject of the client certificate that the listener verified, with its attributes as RFC 4514 escapes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The address the connection came from, without its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The id of the person who was known, where somebody was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The id that the forge itself gave the account, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl Actor {
    /// Exeat itself.
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            verified: true,
            ..Self::default()
        }
    }
}

/// Somebody of whom nothing is known.
impl Default for Actor {
    fn default() -> Self {
        Self {
            kind: ActorKind::Anonymous,
            name: None,
            verified: false,
            credential: None,
            certificate: None,
            source: None,
            person: None,
            account: None,
        }
    }
}

/// What kind of actor stands behind an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActorKind {
    /// No credential was shown.
    Anonymous,
    /// A user name with a password or token (HTTP Basic).
    User,
    /// A token without a name (HTTP Bearer and others).
    Token,
    /// Someone at the command line of this machine.
    Operator,
    /// Exeat itself.
    System,
}

/// What was acted upon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The upstream's name in the configuration.
    pub upstream: String,
    /// The repository's path below the upstream.
    pub repository: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<RefUpdate>,
}

/// One ref update as the client asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefUpdate {
    pub name: String,
    /// Hex object id; all zeros for a create.
    pub old: String,
    /// Hex object id; all zeros for a delete.
    pub new: String,
}

/// A rule, limit or policy sentence that took part in a verdict. Not personal: it names rules, never places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The rule's id, or a stable word such as `unscannable`, `not-allowed`, `limit`.
    pub cause: String,
    /// What the rule asks for (`block`, `review`, `warn`, `note`), where it is a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// How often.
    pub count: u64,
}

/// One finding, masked. Everything here is personal data but for the rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub rule: String,
    pub action: String,
    /// Where it is: a path, or words such as `commit message`; masked where the match lies in the name itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Line, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Hex id of the commit that brings it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The way to it through what it was encoded or packed in, the outermost first; left out where it stood in the clear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    /// The masked excerpt.
    pub masked: String,
    /// Keyed hash of the secret, hex.
    pub fingerprint: String,
    /// The repository served the same bytes at the same path already; left out where it did not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub existing: bool,
    /// `path` or `stopword`: an allowlist of an imported rule file would have hidden it by that; left out otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowlisted: Option<String>,
    /// `comment`, `ignore-file` or `baseline`: what in the push lowered it from `block` to `review`; left out otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excused: Option<String>,
    /// Ids of the waivers by which it did not stop the push; left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    pub commits: u64,
    pub trees: u64,
    pub blobs: u64,
    pub tags: u64,
    /// Bytes of content that the rules saw.
    pub bytes: u64,
    pub refs: u64,
    pub options: u64,
    /// Pieces of content that could not be read.
    pub not_scannable: u64,
    /// Delta bases that the pack left out and that were fetched from the upstream; left out where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bases: u64,
    /// Parts of the content that were encoded or packed, and were decoded; left out where there are none, as those below.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub layers: u64,
    /// Bytes of those parts, decoded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub decoded: u64,
    /// Those of them that are members of archives.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub members: u64,
    /// Images, sounds and fonts whose pixels, samples or outlines were not read, where no text can stand.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub media: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What the verdict was made with, as hex SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digests {
    pub rules: String,
    pub policy: String,
    pub config: String,
}

/// The verdict on a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Forward,
    Hold,
    Refuse,
}

/// How a judged push ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The upstream took every ref.
    Accepted,
    /// The upstream took some refs.
    Partial,
    /// The upstream took none and said so.
    Rejected,
    /// Nothing was sent, or sending failed before the upstream could have taken it.
    NotSent,
    /// The upstream's answer was lost; asked again, it showed every ref as the push wants it.
    AcceptedConfirmed,
    /// The upstream's answer was lost; asked again, it showed every ref as it was before the push.
    NotTaken,
    /// It cannot be known: the connection or this process ended before the upstream's answer.
    Unknown,
}

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Start,
    /// Another configuration or other rules are in force from here on.
    Reload,
    Decision,
    Outcome,
    /// Written at start for a push that was to be forwarded and whose outcome was never recorded.
    UnknownOutcome,
    Erasure,
    /// A push waits for a decision, or no longer does.
    Case,
    /// Somebody looked at a case.
    View,
    /// Somebody decided on a case or a finding of it.
    CaseDecision,
    Waiver,
    /// An approval was used: a push goes upstream by it.
    Grant,
    Login,
    Token,
    Person,
    Group,
    /// A policy or rule that is kept in the database was changed.
    Policy,
    /// A notice could not be delivered.
    Notice,
}

impl Kind {
    /// Whether it is the kind of a `Deed`.
    pub fn is_deed(self) -> bool {
        match self {
            Self::Start | Self::Reload | Self::Decision | Self::Outcome => false,
            Self::UnknownOutcome | Self::Erasure => false,
            Self::Case | Self::View | Self::CaseDecision | Self::Waiver | Self::Grant => true,
            Self::Login | Self::Token | Self::Person | Self::Group => true,
            Self::Policy | Self::Notice => true,
        }
    }
}

/// The half that the tree is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// `VERSION` when it was written.
    pub version: u32,
    pub seq: Seq,
    /// Wall clock, RFC 3339 in UTC with milliseconds.
    pub time: String,
    /// Random id of the process that wrote it, 16 hex digits; `monotonic_ns` compares only within one run.
    pub run: String,
    /// Nanoseconds of the monotonic clock since that process opened the audit.
    pub monotonic_ns: u64,
    pub kind: Kind,
    /// What was done, in a word: `push`, `serve`, `erase`.
    pub action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digests: Option<Digests>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Ending>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded_bytes: Option<u64>,
    /// Version of the binary, at a start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
    /// The records whose personal half this erasure removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<Seq>,
    /// The id of what a deed was done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Hex SHA-256 of it before the deed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Hex SHA-256 of it after the deed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    pub commitments: Commitments,
}

/// Salted commitments to the parts of the payload, hex SHA-256; none where the part is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitments {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The half that can be erased.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A record as it is read back: `payload` is none once erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    #[serde(flatten)]
    pub leaf: Leaf,
    pub payload: Option<Payload>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left out where it is absent does not change the commitment of a record that was written before it was known.
    #[test]
    fn an_actor_of_whom_nothing_more_is_known_has_the_bytes_it_had() {
        let old = r#"{"kind":"user","name":"ada","verified":false,"credential":"c0","certificate":"CN=ada","source":"192.0.2.7"}"#;
        let actor: Actor = serde_json::from_str(old).unwrap();
        assert_eq!(serde_json::to_string(&actor).unwrap(), old);
        let known = Actor {
            person: Some("u-0123456789".to_owned()),
            account: Some("7".to_owned()),
            ..actor
        };
        let text = serde_json::to_string(&known).unwrap();
        assert!(text.ends_with(r#""source":"192.0.2.7","person":"u-0123456789","account":"7"}"#));
        assert_eq!(serde_json::from_str::<Actor>(&text).unwrap(), known);
    }
}
