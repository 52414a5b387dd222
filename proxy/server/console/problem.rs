//! Errors of the API, in one form (RFC 9457): `application/problem+json`.

use axum::{
    extract::rejection::{JsonRejection, QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{audit, drafts, people, review, store};

/// Why a request was not carried out, and what to do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A stable word: `stale`, `own-push`, `no-token` and so on.
    #[schema(example = "stale")]
    pub code: &'static str,
    /// The HTTP status, again.
    pub status: u16,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What it was this time, and the way out.
    pub detail: String,
}

impl Problem {
    pub fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            code,
            status: status.as_u16(),
            title,
            detail: detail.into(),
        }
    }

    pub fn absent(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "absent",
            "There is nothing of this name",
            detail,
        )
    }

    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "The request is not understood",
            detail,
        )
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "You may not do this",
            detail,
        )
    }

    pub fn must_fix(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "must-fix",
            "It cannot be approved as it is",
            detail,
        )
    }

    pub fn unknown(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "no-token",
            "Nobody is known by this token",
            detail,
        )
    }

    pub(super) fn ours(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request of the console could not be carried out");
        let detail = "Nothing was changed. Try again; if it lasts, tell your operators.";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not-now",
            "It cannot be done now",
            detail,
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"Exeat\""),
            );
        }
        response
    }
}

impl From<JsonRejection> for Problem {
    fn from(error: JsonRejection) -> Self {
        Self::bad(error.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(error: QueryRejection) -> Self {
        Self::bad(error.body_text())
    }
}

impl From<review::Error> for Problem {
    fn from(error: review::Error) -> Self {
        use review::{Error, Refused};
        let conflict = |code| {
            Self::new(
                StatusCode::CONFLICT,
                code,
                "It is not as you saw it",
                error.to_string(),
            )
        };
        match &error {
            Error::Absent(_) => Self::absent(error.to_string()),
            Error::Refused(Refused::Stale { .. }) => conflict("stale"),
            Error::Refused(Refused::Closed(_) | Refused::NotOpen(_) | Refused::NotApproved(_)) => {
                conflict("closed")
            }
            Error::Refused(Refused::OnItsWay | Refused::Late) => conflict("closed"),
            Error::Refused(Refused::Again(_)) => conflict("again"),
            Error::Refused(Refused::Own | Refused::OwnWaiver | Refused::Approver)
            | Error::Rights => Self::forbidden(error.to_string()),
            Error::Refused(Refused::MustFix(_)) => Self::must_fix(error.to_string()),
            Error::Refused(Refused::NoReason | Refused::NoWords | Refused::TooLong(_)) => {
                Self::bad(error.to_string())
            }
            Error::Busy | Error::Damaged(_) | Error::Audit(_) | Error::Store(_) => {
                Self::ours(&error)
            }
        }
    }
}

impl From<review::waiver::Error> for Problem {
    fn from(error: review::waiver::Error) -> Self {
        use review::waiver::Error;
        match error {
            Error::Desk(error) => error.into(),
            Error::NoFinding(_) | Error::Absent(_) => Self::absent(error.to_string()),
            Error::NotReadable | Error::Uncovered | Error::MustFix | Error::TooMany => Self::new(
                StatusCode::CONFLICT,
                "not-waivable",
                "It cannot be waived",
                error.to_string(),
            ),
            Error::Holds { .. } => Self::new(
                StatusCode::CONFLICT,
                "exists",
                "There is one already",
                error.to_string(),
            ),
            Error::Revoked(_) => Self::new(
                StatusCode::CONFLICT,
                "closed",
                "It is not as you saw it",
                error.to_string(),
            ),
            Error::Days => Self::bad(error.to_string()),
            Error::Damaged(_) | Error::Random => Self::ours(&error),
        }
    }
}

impl From<people::Error> for Problem {
    fn from(error: people::Error) -> Self {
        use people::Error;
        let text = error.to_string();
        match error {
            Error::Form(_) | Error::NoScope | Error::ServiceDecides => Self::bad(text),
            Error::TooMany { .. } | Error::Disabled(_) => Self::bad(text),
            Error::NoPerson(_) | Error::NoGroup(_) | Error::NoToken(_) => Self::absent(text),
            Error::PersonExists(_) | Error::GroupExists(_) | Error::AccountTaken { .. } => {
                Self::new(StatusCode::CONFLICT, "exists", "There is one already", text)
            }
            Error::Audit(audit::Error::Stale) => Self::new(
                StatusCode::CONFLICT,
                "stale",
                "It is not as you saw it",
                "It has changed meanwhile, or your rights have: look again.",
            ),
            error => Self::ours(&error),
        }
    }
}

impl From<drafts::Error> for Problem {
    fn from(error: drafts::Error) -> Self {
        use drafts::{Error, Refused};
        let text = error.to_string();
        let conflict = |code, text| {
            let title = "It is not as you saw it";
            Self::new(StatusCode::CONFLICT, code, title, text)
        };
        match error {
            Error::Absent(_) => Self::absent(text),
            Error::Refused(Refused::Stale { .. }) => conflict("stale", text),
            Error::Refused(Refused::State(_) | Refused::TooOften) => conflict("closed", text),
            Error::Refused(Refused::Own | Refused::NotYours) | Error::Rights => {
                Self::forbidden(text)
            }
            Error::Refused(Refused::NoReason | Refused::TooLong(_)) => Self::bad(text),
            Error::Title | Error::TooLong => Self::bad(text),
            Error::Off(_) => conflict("off", text),
            Error::TooManyOpen | Error::TooManyInForce => conflict("too-many", text),
            Error::Asker => conflict("asker", text),
            Error::Unfit(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "unfit",
                "It could not come into force",
                text,
            ),
            Error::People(error) => error.into(),
            error => Self::ours(&error),
        }
    }
}

impl From<review::CommentError> for Problem {
    fn from(error: review::CommentError) -> Self {
        use review::CommentError as Error;
        match error {
            Error::Rights => Self::forbidden(error.to_string()),
            Error::Full => Self::bad(error.to_string()),
            error => Self::ours(&error),
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Self::ours(&error)
    }
}

impl From<people::Refused> for Problem {
    fn from(refused: people::Refused) -> Self {
        match refused {
            people::Refused::Invalid(_) => Self::unknown(refused.to_string()),
            people::Refused::Failed(error) => error.into(),
        }
    }
}
