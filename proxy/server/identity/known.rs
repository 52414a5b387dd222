//! Who a request comes from, as far as sources that are trusted say so.

use crate::people::Person;

/// What is known of a pusher. Nothing in it comes from a name or a mail address.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub person: Option<Person>,
    /// The forge's own id of the account, within the upstream of the request.
    pub account: Option<String>,
}
