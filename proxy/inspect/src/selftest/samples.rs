//! Examples of rules as the files of a repository that does not exist.

use std::{collections::BTreeMap, sync::Arc};

use exeat_gitwire::{
    HashKind, ObjectId,
    pack::{self, Kind},
};
use exeat_rules::{RuleIndex, RuleSet, template};

use crate::pack::Error;

const HASH: HashKind = HashKind::Sha1;
/// Longest path of a file, in bytes.
const LONGEST: usize = 4096;

/// One example of a rule, and the file it is put into.
pub(super) struct Sample {
    pub(super) rule: RuleIndex,
    pub(super) content: Arc<Vec<u8>>,
    pub(super) path: Vec<u8>,
    pub(super) spot: Spot,
    /// Of the content, in hex.
    pub(super) id: String,
}

/// Why the file lies where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// The rule does not ask.
    Anywhere,
    /// The rule speaks about such paths.
    Chosen,
    /// The path is the example.
    IsPath,
}

impl Sample {
    /// The first example of a rule that has one.
    ///
    /// # Errors
    /// When its template is wrong.
    pub(super) fn of(rules: &RuleSet, index: RuleIndex) -> Result<Self, template::Error> {
        let rule = rules.rule(index);
        let text = rule.examples.first().map_or("", String::as_str);
        let text = template::expand(text)?.into_bytes();
        let anywhere = || format!("exeat/rule-{index}").into_bytes();
        let (content, path, spot) = match (&rule.regex, rules.sample_path(index)) {
            (None, _) => (format!("{index}\n").into_bytes(), text, Spot::IsPath),
            (Some(_), Some(path)) if is_of_file(&path) => (text, path, Spot::Chosen),
            (Some(_), _) => (text, anywhere(), Spot::Anywhere),
        };
        let id = pack::object_id(HASH, Kind::Blob, &content);
        Ok(Self {
            rule: index,
            // Content made to collide has no id and is in no pack.
            id: id.map_or(String::new(), |id| id.to_string()),
            content: Arc::new(content),
            path,
            spot,
        })
    }

    pub(super) fn is_in_pack(&self) -> bool {
        is_of_file(&self.path) && !self.id.is_empty()
    }
}

/// Whether git could have a file there.
fn is_of_file(path: &[u8]) -> bool {
    let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
    path.len() <= LONGEST && !path.contains(&0) && path.split(|&byte| byte == b'/').all(is_name)
}

/// The objects of a push with samples: a commit for all that may lie anywhere, and one for each other.
#[derive(Default)]
pub(super) struct Repository {
    pub(super) objects: Vec<(Kind, Vec<u8>)>,
    /// The commits.
    pub(super) tips: Vec<ObjectId>,
    known: std::collections::HashSet<ObjectId>,
}

impl Repository {
    pub(super) fn of<'s>(samples: impl Iterator<Item = &'s Sample>) -> Result<Self, Error> {
        let mut repository = Self::default();
        let mut folder = BTreeMap::new();
        for sample in samples.filter(|sample| sample.is_in_pack()) {
            let file = repository.add(Kind::Blob, sample.content.to_vec())?;
            let mut names: Vec<&[u8]> = sample.path.split(|&byte| byte == b'/').collect();
            let name = names.pop().unwrap_or_default();
            if sample.spot == Spot::Anywhere {
                folder.insert(name.to_vec(), file);
                continue;
            }
            let mut tree = repository.tree("100644", [(name, file)])?;
            for name in names.into_iter().rev() {
                tree = repository.tree("40000", [(name, tree)])?;
            }
            repository.commit(tree)?;
        }
        if !folder.is_empty() {
            let files = folder.iter().map(|(name, id)| (name.as_slice(), *id));
            let tree = repository.tree("100644", files)?;
            let root = repository.tree("40000", [(&b"exeat"[..], tree)])?;
            repository.commit(root)?;
        }
        Ok(repository)
    }

    /// A tree of entries that are sorted and all of one mode.
    fn tree<'n>(
        &mut self,
        mode: &str,
        entries: impl IntoIterator<Item = (&'n [u8], ObjectId)>,
    ) -> Result<ObjectId, Error> {
        let mut tree = Vec::new();
        for (name, id) in entries {
            tree.extend_from_slice(mode.as_bytes());
            tree.push(b' ');
            tree.extend_from_slice(name);
            tree.push(0);
            tree.extend_from_slice(id.as_slice());
        }
        self.add(Kind::Tree, tree)
    }

    fn commit(&mut self, tree: ObjectId) -> Result<(), Error> {
        let who = "Exeat <exeat> 0 +0000";
        let text = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nExamples\n");
        let id = self.add(Kind::Commit, text.into_bytes())?;
        if !self.tips.contains(&id) {
            self.tips.push(id);
        }
        Ok(())
    }

    /// Each object once.
    fn add(&mut self, kind: Kind, content: Vec<u8>) -> Result<ObjectId, Error> {
        let id = pack::object_id(HASH, kind, &content)?;
        if self.known.insert(id) {
            self.objects.push((kind, content));
        }
        Ok(id)
    }
}
