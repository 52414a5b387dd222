//! Before a push is judged: which of its findings people have waived in this repository.

use exeat_inspect::Report;

use super::{Order, Pushes, about::Asked};
use crate::people;

impl Pushes {
    /// Marks the findings that waivers cover at this moment. Where the waivers cannot be read, none is covered: the push is
    /// judged as if there were none.
    pub(super) async fn waive(&self, order: &Order, report: &mut Report) {
        let mut findings = report.findings.iter();
        if findings.all(|finding| finding.covers.is_empty()) {
            return;
        }
        let asked = Asked::anything(&order.knock);
        let whereto = asked.push(&[]);
        let pusher = order.known.person.as_ref().map(|person| &person.id);
        let in_force =
            self.desk
                .in_force(whereto.upstream, whereto.repository, pusher, people::now());
        match in_force.await {
            Ok(in_force) => report.waived_by = in_force.mark(report).into_iter().collect(),
            Err(error) => {
                tracing::error!(%error, "the waivers cannot be read; none holds");
                self.metrics
                    .failclosed_total
                    .with_label_values(&["waivers"])
                    .inc();
            }
        }
    }
}
