//! What people say of a held push to its developer, and what its developer says to them with the same push again.

use std::sync::Arc;

use exeat_inspect::{Examiner, Names, Report, finding::Part};
use exeat_rules::Action;

use super::{Order, Pushes, answer::Line, dossier, message};
use crate::{
    people,
    review::{self, CommentError, Comments, Filed, Millis, State, Verdict, dossier::Dossier},
    store::Change,
};

/// Words that are told, the latest.
const MOST: usize = 3;
/// Whose a comment is where nobody is known by the account that pushed.
const PUSHER: &str = "its pusher";

/// Something that somebody else said of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who said it, and what it is.
    pub head: String,
    /// Without what rules take for a secret. Empty where the head says it all.
    pub words: String,
    pub at: Millis,
    pub is_approval: bool,
}

impl Pushes {
    /// The latest words on a case, oldest first.
    pub(super) async fn said(&self, filed: &Filed) -> Vec<Said> {
        let mut said = self.decided(filed).await;
        let pusher = filed.case.pusher.person.as_deref().unwrap_or(PUSHER);
        match self.comments().of(&filed.case.id).await {
            Ok(comments) => {
                for comment in comments.into_iter().filter(|one| one.by != pusher) {
                    said.push(Said {
                        head: format!("{} wrote:", self.name_of(&comment.by).await),
                        words: comment.words,
                        at: comment.at,
                        is_approval: false,
                    });
                }
            }
            Err(error) => tracing::error!(%error, "the comments on a held push cannot be read"),
        }
        said.sort_by_key(|one| one.at);
        let surplus = said.len().saturating_sub(MOST);
        said.drain(..surplus);
        if !said.is_empty() {
            // Rules may have come into force since.
            let mut examiner = Examiner::new(Arc::clone(&self.rules), self.key.clone());
            let mut names = Names::new(&mut examiner);
            for one in &mut said {
                one.words = names.prose(&one.words);
            }
        }
        said
    }

    /// Decisions with words.
    async fn decided(&self, filed: &Filed) -> Vec<Said> {
        let mut said = Vec::new();
        let case = &filed.case;
        for decision in case
            .decisions
            .iter()
            .filter(|one| !one.words.trim().is_empty())
        {
            let by = self.name_of(&decision.by).await;
            let is_approval = decision.verdict == Verdict::Approve;
            said.push(Said {
                head: match is_approval {
                    true => format!("{by} approved it:"),
                    false => format!("{by} rejected it:"),
                },
                words: decision.words.clone(),
                at: decision.at,
                is_approval,
            });
        }
        said
    }

    /// Tells that an approved push goes, with what those wrote who approved it.
    pub(super) async fn say_approved(&self, case: &str, line: &mut Line) {
        let mut said = match self.desk.case(case).await {
            Ok(filed) => self.said(&filed).await,
            Err(_) => Vec::new(),
        };
        said.retain(|one| one.is_approval);
        line.say(&message::approved(case, &said)).await;
    }

    /// Puts the reason of a push that waits already beside it: as its reason where it has none, else as a comment. Gives what is
    /// told of it.
    pub(super) async fn add_reason(
        &self,
        order: &Order,
        report: &Report,
        filed: &mut Filed,
    ) -> Option<&'static str> {
        let words = dossier::reason(order, report)?;
        if filed.case.state != State::Open {
            return None;
        }
        let mut findings = report.findings.iter();
        if findings.any(|one| one.place.part == Part::PushOption && one.asks() > Action::Note) {
            return Some(
                "A rule finds something in your reason, so it was not kept: say it without.",
            );
        }
        match self.keep_reason(order, filed, &words).await {
            Ok(told) => told,
            Err(CommentError::Full) => {
                Some("Your reason was not kept: as much as may be was said already.")
            }
            Err(error) => {
                tracing::error!(%error, case = filed.case.id, "a reason could not be kept");
                Some("Your reason could not be kept. Push again to have it kept.")
            }
        }
    }

    async fn keep_reason(
        &self,
        order: &Order,
        filed: &mut Filed,
        words: &str,
    ) -> Result<Option<&'static str>, CommentError> {
        let actor = order.known.recorded(&order.actor);
        let case = filed.case.id.clone();
        let explained = self.desk.explain(&case, words, &actor, people::now()).await;
        match explained {
            Ok(Some(with)) => {
                *filed = with;
                return Ok(Some(
                    "Your reason is with the push now: its reviewers read it.",
                ));
            }
            Ok(None) => {}
            Err(review::Error::Audit(error)) => return Err(CommentError::Audit(error)),
            Err(review::Error::Store(error)) => return Err(CommentError::Store(error)),
            // It was decided at this very moment, or changes all the time.
            Err(_) => return Ok(None),
        }
        let dossier = Dossier::read(&filed.body).unwrap_or_default();
        if dossier.reason.as_deref() == Some(words) {
            return Ok(None);
        }
        let comments = self.comments();
        let by = filed.case.pusher.person.as_deref().unwrap_or(PUSHER);
        let said = comments.of(&case).await?;
        if said.iter().any(|one| one.by == by && one.words == words) {
            return Ok(None);
        }
        comments
            .add(&case, (by, &actor), words, Change::none(), people::now())
            .await?;
        Ok(Some(
            "Your reason is with the push now, as a comment: its reviewers read it.",
        ))
    }

    fn comments(&self) -> Comments {
        Comments::new(self.store.clone(), self.audit.clone())
    }
}
