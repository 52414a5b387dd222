//! What reviewers see of a held push, put together from what was inspected.

use exeat_inspect::Report;

use super::Order;
use crate::policy::Stopped;

/// The body of a case, as JSON. Nothing in it has come past the masking of the inspection.
#[expect(dead_code, reason = "pushes are held next")]
pub fn of(order: &Order, report: &Report, stopped: &Stopped) -> String {
    let body = serde_json::json!({
        "form": 1,
        "refs": report.refs,
        "reason": order.wishes.reason,
        "messages": stopped.messages,
    });
    body.to_string()
}
