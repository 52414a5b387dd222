//! What a browser shows that follows the link of a mail: which command shows the push. The same words for every push, known
//! or not, so nothing of any is in it.

use axum::{
    extract::Request,
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, Method,
    header::{ACCEPT, AUTHORIZATION, VARY},
};

/// Before the address of a push.
const REVIEWS: &str = "/api/v1/reviews/";
/// Characters that an id has at most.
const LONGEST: usize = 40;

/// Answers people who came by a link; programs, and whoever has a token, go on to the API.
pub async fn for_people(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let asks = request.method() == Method::GET && !headers.contains_key(AUTHORIZATION);
    let id = request.uri().path().strip_prefix(REVIEWS);
    match id.filter(|id| is_id(id) && asks && is_browser(headers)) {
        Some(id) => {
            let mut response = Html(page(id)).into_response();
            response
                .headers_mut()
                .insert(VARY, HeaderValue::from_static("accept, authorization"));
            response
        }
        None => next.run(request).await,
    }
}

/// Letters and digits in groups: nothing that means anything in HTML.
fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain)
}

/// Whether it says that it shows pages.
fn is_browser(headers: &HeaderMap) -> bool {
    let kinds = headers.get_all(ACCEPT).iter();
    let mut kinds = kinds
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    kinds.any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("text/html")
    })
}

fn page(id: &str) -> String {
    format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head><meta charset=\"utf-8\"><title>Push {id}</title></head>\n\
         <body>\n\
         <h1>Push {id}</h1>\n\
         <p>A push is looked at in a terminal, with a token of yours:</p>\n\
         <pre>exeat review show {id}</pre>\n\
         <p>Set EXEAT_SERVER to the address of this server and EXEAT_TOKEN to your token. An operator makes one:\n\
         exeat token create --user NAME --scope read --scope decide</p>\n\
         </body>\n\
         </html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_say_so_and_ids_are_plain() {
        let accepts = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(value));
            is_browser(&headers)
        };
        assert!(accepts("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(accepts("image/avif, Text/HTML;q=0.9"));
        assert!(!accepts("*/*") && !accepts("application/json") && !accepts(""));
        assert!(!is_browser(&HeaderMap::new()));
        assert!(is_id("P-7F3K9-Q2M4A-8HDWX") && is_id("p-1"));
        for text in ["", "P-1/comments", "<b>", "P-1%3Cb", "a b", &"P".repeat(41)] {
            assert!(!is_id(text), "{text}");
        }
    }
}
