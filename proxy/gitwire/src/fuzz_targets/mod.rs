//! One function per parser of hostile bytes; fuzzers and the corpus tests call the same ones.

pub mod corpus;
pub mod pack;
pub mod places;
pub mod sums;
pub mod wire;

/// A name, and what takes any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target with its name, which is that of its corpus.
pub const TARGETS: &[Target] = &[
    ("pktline", wire::pktline),
    ("refname", wire::refname),
    ("advertise", wire::advertise),
    ("push_request", wire::push_request),
    ("push_report", wire::push_report),
    ("fetch_answer", wire::fetch_answer),
    ("upload_request", wire::upload_request),
    ("pack", pack::pack),
    ("zlib", pack::zlib),
    ("delta", pack::delta),
    ("commit", pack::commit),
    ("tree", pack::tree),
    ("tag", pack::tag),
    ("trailers", pack::trailers),
    ("sums", sums::sums),
    ("history", places::history),
    ("text", places::text),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn every_parser_of_hostile_bytes_stands_any() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        for (name, target) in super::TARGETS {
            let mutations = match *name {
                "pack" | "history" => 200,
                "push_report" | "zlib" => 600,
                _ => 1500,
            };
            let seeds = super::corpus::seeds(&folder.join(name));
            super::corpus::run(&seeds, mutations, *target);
        }
    }
}
