//! Names to which values are given: what they say the value is.

use super::vocabulary::pieces;

/// Words behind `password`, `token` or `key` that say the value is about one and not one.
const ABOUT: &[&str] = &[
    "address",
    "addresses",
    "encryption",
    "field",
    "fields",
    "label",
    "hint",
    "prompt",
    "message",
    "msg",
    "file",
    "filename",
    "path",
    "dir",
    "reset",
    "policy",
    "regex",
    "regexp",
    "pattern",
    "length",
    "len",
    "min",
    "max",
    "size",
    "type",
    "types",
    "name",
    "names",
    "column",
    "expired",
    "expires",
    "expiry",
    "expiration",
    "age",
    "strength",
    "validator",
    "validation",
    "url",
    "uri",
    "link",
    "endpoint",
    "error",
    "errors",
    "help",
    "text",
    "title",
    "placeholder",
    "input",
    "env",
    "var",
    "variable",
    "manager",
    "encoder",
    "generator",
    "required",
    "changed",
    "change",
    "service",
    "provider",
    "command",
    "header",
    "prefix",
    "suffix",
    "class",
    "param",
    "params",
    "parameter",
    "parameters",
    "selector",
    "ref",
    "reference",
    "version",
    "scope",
    "scopes",
    "template",
    "format",
    "count",
    "limit",
    "ttl",
    "timeout",
    "lifetime",
    "duration",
    "issuer",
    "audience",
    "algorithm",
    "alg",
    "usage",
    "description",
    "desc",
    "comment",
    "info",
    "status",
    "state",
    "kind",
    "mode",
    "id",
    "ids",
    "arn",
    "index",
    "hash",
    "digest",
    "fingerprint",
    "mask",
    "attribute",
    "attr",
    "property",
    "prop",
    "option",
    "options",
    "button",
    "form",
    "page",
    "screen",
    "view",
    "icon",
    "translation",
    "i18n",
    "tooltip",
    "confirmation",
    "mismatch",
    "invalid",
    "missing",
    "incorrect",
    "wrong",
    "empty",
    "encoding",
    "charset",
    "element",
    "node",
    "xpath",
    "css",
    "event",
    "action",
    "callback",
    "handler",
    "function",
    "method",
    "lookup",
    "store",
    "ring",
    "chain",
    "board",
    "word",
    "words",
    "press",
    "down",
    "up",
    "code",
    "event",
    "bucket",
    "table",
    "prefixes",
    "separator",
    "delimiter",
    "created",
    "updated",
    "rotation",
    "source",
    "location",
    "uuid",
    "ident",
];

/// Words before it that say the same.
const OTHER: &[&str] = &[
    "public",
    "next",
    "page",
    "paging",
    "pagination",
    "continuation",
    "continue",
    "resume",
    "sync",
    "cursor",
    "marker",
    "starting",
    "start",
    "last",
    "idempotency",
    "idempotent",
    "cancellation",
    "cancel",
    "lock",
    "etag",
    "primary",
    "foreign",
    "cache",
    "sort",
    "partition",
    "unique",
    "publishable",
    "site",
    "group",
    "object",
    "row",
    "map",
    "hot",
    "shortcut",
    "arrow",
    "translation",
    "i18n",
    "dedup",
    "dedupe",
    "routing",
    "composite",
    "natural",
    "surrogate",
    "index",
    "registry",
    "lexer",
    "parser",
    "syntax",
    "current",
    "prev",
    "previous",
    "first",
    "end",
    "begin",
    "eof",
    "eol",
    "compound",
    "data",
    "react",
    "storage",
    "context",
    "metadata",
    "hash",
    "checksum",
    "digest",
    "forgot",
    "forget",
    "reset",
    "no",
    "use",
    "has",
    "is",
    "with",
    "without",
    "show",
    "hide",
    "toggle",
    "require",
    "commit",
    "revision",
    "pub",
    "verification",
    "verify",
    "verifying",
    "bypass",
    "compass",
];

/// Words that make a name that of a secret.
const SECRETS: &[&[u8]] = &[
    b"pass",
    b"pwd",
    b"pswd",
    b"pw",
    b"token",
    b"secret",
    b"key",
    b"auth",
    b"credential",
];

/// Whether the name says that its value is something else than a secret. What made it a candidate stands at `word` or behind.
pub(super) fn is_about(name: &[u8], word: usize) -> bool {
    let lower = name.to_ascii_lowercase();
    let behind = lower.get(word..).unwrap_or_default();
    let last = |each: &&[u8]| {
        behind
            .windows(each.len())
            .rposition(|window| window == *each)
    };
    let word = word + SECRETS.iter().filter_map(last).max().unwrap_or(0);
    let (before, from) = name.split_at_checked(word).unwrap_or((name, &[]));
    if is_longer_word(from) || is_end_of_word(before, from) {
        return true;
    }
    let listed = |list: &[&str], piece: &[u8]| {
        let piece = piece.to_ascii_lowercase();
        list.iter().any(|each| each.as_bytes() == piece)
    };
    pieces(from).skip(1).any(|piece| listed(ABOUT, piece))
        || pieces(before)
            .last()
            .is_some_and(|piece| listed(OTHER, piece))
}

/// Whether what made it a candidate is no more than the beginning of a word: `tokenizer`, `passenger`.
fn is_longer_word(from: &[u8]) -> bool {
    const ENDS: &[&[u8]] = &[
        b"izer", b"izers", b"ize", b"ized", b"izes", b"izing", b"ization", b"enger", b"engers",
        b"age", b"ages", b"port", b"ports", b"ive", b"ively", b"ed", b"ing", b"ary", b"note",
        b"stone", b"frame", b"frames", b"pad", b"stroke", b"strokes",
    ];
    let Some(piece) = pieces(from).next().map(<[u8]>::to_ascii_lowercase) else {
        return false;
    };
    SECRETS
        .iter()
        .filter_map(|word| piece.strip_prefix(*word))
        .any(|end| ENDS.contains(&end))
}

/// Whether it is no more than the end of one: `compass`.
fn is_end_of_word(before: &[u8], from: &[u8]) -> bool {
    const BEGINNINGS: &[&[u8]] = &[b"com", b"encom", b"by", b"tres", b"sur", b"over", b"under"];
    let begun = pieces(before).last().unwrap_or_default();
    before.ends_with(begun)
        && from.starts_with(b"pass")
        && BEGINNINGS.contains(&begun.to_ascii_lowercase().as_slice())
}

/// Whether the name speaks of hashes, whose values look like keys.
pub(super) fn is_hash(name: &[u8]) -> bool {
    const WORDS: &[&[u8]] = &[
        b"sha",
        b"hash",
        b"digest",
        b"checksum",
        b"integrity",
        b"etag",
        b"commit",
        b"revision",
        b"md5",
        b"fingerprint",
        b"signature",
        b"crc",
    ];
    let lower = name.to_ascii_lowercase();
    WORDS
        .iter()
        .any(|word| lower.windows(word.len()).any(|window| window == *word))
}
