//! Packs end with their cases, cases with their time, and what was seen of them some time later.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    people, quarantine,
    quarantine::Quarantine,
    review::{self, Desk, Fallen},
};

/// How often the clock is looked at. Cases last days.
const LOOK: Duration = Duration::from_secs(30);
/// How long a change of cases is waited out: they come in bursts.
const PAUSE: Duration = Duration::from_millis(500);
/// A pack that is younger may be about to get its case.
const YOUNG: Duration = Duration::from_secs(60 * 60);

/// Who clears away.
#[derive(Clone)]
pub struct Keeper {
    pub desk: Desk,
    pub quarantine: Quarantine,
}

impl Keeper {
    /// Makes good what an earlier process left: cases on their way, and packs that got no case. Nothing else runs yet.
    ///
    /// # Errors
    /// When the desk cannot be read or written.
    pub async fn recover(&self) -> Result<(), review::Error> {
        for filed in self.desk.mend(Fallen::All, people::now()).await? {
            let case = &filed.case;
            tracing::warn!(case = case.id, state = %case.state, "a held push was on its way when the process ended");
        }
        self.clear(Duration::ZERO).await
    }

    /// Clears away until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        let mut changes = self.desk.changes();
        loop {
            if let Err(error) = self.look().await {
                tracing::error!(%error, "held pushes could not be looked after");
            }
            let change = async {
                let _ = changes.changed().await;
                tokio::time::sleep(PAUSE).await;
            };
            tokio::select! {
                () = change => {}
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn look(&self) -> Result<(), review::Error> {
        for case in self.desk.expire(people::now()).await? {
            tracing::info!(
                case,
                "nobody decided on a held push, or used the decision, in time"
            );
        }
        for filed in self.desk.mend(Fallen::Ended, people::now()).await? {
            tracing::warn!(
                case = filed.case.id,
                "how an approved push ended is noted late"
            );
        }
        for case in self.desk.forget(people::now()).await? {
            tracing::info!(case, "what its reviewers saw of it is no longer kept");
        }
        self.clear(YOUNG).await
    }

    /// Takes out the packs of cases that are over, and those that have none and are older than `young`.
    async fn clear(&self, young: Duration) -> Result<(), review::Error> {
        let quarantine = self.quarantine.clone();
        let kept = in_background(move || quarantine.list()).await;
        for (case, age) in kept.unwrap_or_default() {
            let is_over = self.desk.is_over(&case).await?;
            if is_over.unwrap_or(age >= young) {
                let quarantine = self.quarantine.clone();
                in_background(move || quarantine.remove(&case)).await;
            }
        }
        Ok(())
    }
}

/// Runs what blocks; what fails is told in the log.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, quarantine::Error> + Send + 'static,
) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::error!(%error, "the quarantine cannot be cleared");
            None
        }
        Err(_) => None,
    }
}
