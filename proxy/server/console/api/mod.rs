//! `/api/v1`: JSON in and out, problems in one form, lists by cursor, a document that describes it all.

mod comments;
mod drafts;
mod findings;
mod groups;
mod notices;
mod people;
mod reviews;
mod session;
mod tokens;
mod waivers;

use axum::{
    Router,
    http::{HeaderValue, header},
    middleware,
    response::Response,
};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Rooms, problem::Problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Exeat",
        description = "Held pushes, who decides on them, and who there is. Every error is a problem document (RFC 9457) with a stable code. \
                       A POST with the header Idempotency-Key is carried out once: asked again under the same key within a day it \
                       is answered the same."
    ),
    modifiers(&Token),
    tags(
        (name = "reviews", description = "Pushes that wait for a decision"),
        (name = "people", description = "Who there is: persons, groups, tokens"),
        (name = "findings", description = "What single findings are"),
        (name = "waivers", description = "Findings that stop no push to a repository any more"),
        (name = "drafts", description = "Policies and rules that two people put into force"),
        (name = "notices", description = "What people and programs are told of held pushes"),
        (name = "session", description = "Who you are here")
    )
)]
struct Document;

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A token of Exeat: exeat token create --user NAME --scope read --scope decide",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(session::who))
        .routes(routes!(reviews::list))
        .routes(routes!(reviews::show))
        .routes(routes!(reviews::decide))
        .routes(routes!(reviews::withdraw))
        .routes(routes!(comments::list, comments::add))
        .routes(routes!(people::list, people::add))
        .routes(routes!(people::show))
        .routes(routes!(people::edit))
        .routes(routes!(people::change_roles))
        .routes(routes!(people::link))
        .routes(routes!(people::unlink))
        .routes(routes!(people::disable))
        .routes(routes!(people::enable))
        .routes(routes!(groups::list, groups::add))
        .routes(routes!(groups::remove))
        .routes(routes!(groups::join))
        .routes(routes!(groups::leave))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(findings::list))
        .routes(routes!(findings::decide))
        .routes(routes!(waivers::list))
        .routes(routes!(waivers::show))
        .routes(routes!(waivers::revoke))
        .routes(routes!(drafts::list, drafts::propose))
        .routes(routes!(drafts::show))
        .routes(routes!(drafts::decide))
        .routes(routes!(drafts::withdraw))
        .routes(routes!(drafts::retire))
        .routes(routes!(notices::list))
        .routes(routes!(notices::retry))
}

/// The OpenAPI document, as it is checked in.
pub fn document() -> String {
    let (_, document) = routes().split_for_parts();
    let mut text = document
        .to_pretty_json()
        .expect("because the document is made of strings and maps");
    text.push('\n');
    text
}

pub(super) fn router(rooms: Rooms) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .route("/api/v1/openapi.json", axum::routing::get(openapi))
        .fallback(nothing)
        .method_not_allowed_fallback(not_so)
        .layer(middleware::from_fn_with_state(
            rooms.clone(),
            super::once::once,
        ))
        .layer(middleware::from_fn(super::page::for_people))
        .layer(middleware::map_response(async |response: Response| {
            guarded(response)
        }))
        .with_state(rooms)
}

async fn openapi() -> ([(header::HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "application/json")], document())
}

async fn nothing() -> Problem {
    Problem::absent("The API is described by /api/v1/openapi.json.")
}

async fn not_so() -> Problem {
    Problem::new(
        http::StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "There is no such method here",
        "The API is described by /api/v1/openapi.json.",
    )
}

/// Nothing of it is kept, guessed or shown within another page.
pub(super) fn guarded(mut response: Response) -> Response {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
