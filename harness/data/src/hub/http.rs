//! One GET: time limits, redirects by hand, answers sorted into final and passing failures.

use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use super::Limits;
use super::patience::Patience;

/// Redirects that one request follows.
const REDIRECTS: usize = 8;

/// Why a request brought nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// Asking again would not help.
    Final(String),
    /// Another attempt may do, after the pause that the server asked for.
    Passing(String, Option<Duration>),
    /// The range that was asked for is not there (416): begin anew.
    Range,
}

/// A client. Its agent keeps connections open between requests.
pub(super) struct Http<'a> {
    agent: Agent,
    /// With the server; the answers' bodies draw on it too.
    pub patience: &'a Patience,
    /// Until an answer begins, and between any two pieces of it.
    silence: Duration,
    /// The origin (`https://host:port`) that may see the token, and the token.
    token: Option<(String, String)>,
}

impl<'a> Http<'a> {
    pub fn new(limits: &Limits, endpoint: &str, token: Option<&str>, patience: &'a Patience) -> Self {
        let origin = origin(endpoint).unwrap_or_default().to_string();
        let loopback = ["//localhost", "//127.", "//[::1]"].iter().any(|host| origin.contains(host));
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A compressed body would have another length than its range.
            .accept_encoding("identity")
            .user_agent(concat!("few-shot-harness/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect));
        if loopback {
            config = config.proxy(None);
        }
        let token = token.map(|token| (origin, token.to_string()));
        Http { agent: config.build().new_agent(), patience, silence: limits.silence, token }
    }

    /// The answer (200 or 206) to a request for `url`, from byte `start` on.
    pub fn get(&self, url: &str, start: u64) -> Result<Response<Body>, Failure> {
        let mut url = url.to_string();
        for _ in 0..REDIRECTS {
            let here = origin(&url).ok_or_else(|| Failure::Final(format!("{} is not a web address", shown(&url))))?;
            if let Some(over) = self.patience.over() {
                return Err(Failure::Final(format!("{}: {over}; what arrived is kept: run it again", shown(&url))));
            }
            let longest = Some(self.patience.at_most(self.silence));
            let request = self.agent.get(&url).config().timeout_recv_response(longest).timeout_per_read(longest);
            let mut request = request.build();
            if let Some((_, token)) = self.token.as_ref().filter(|(trusted, _)| trusted == here) {
                request = request.header("Authorization", format!("Bearer {token}"));
            }
            if start > 0 {
                request = request.header("Range", format!("bytes={start}-"));
            }
            let began = Instant::now();
            let answer = request.call().map_err(|error| {
                self.patience.spend(began);
                failed(&url, &error)
            })?;
            let status = answer.status().as_u16();
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return judge(&url, status, answer);
            }
            let target = header(answer.headers(), "location")
                .ok_or_else(|| Failure::Final(format!("{}: a redirect to nowhere", shown(&url))))?;
            let next = join(&url, target);
            if url.starts_with("https:") && !next.starts_with("https:") {
                return Err(Failure::Final(format!("{}: redirected to an unsafe address", shown(&url))));
            }
            url = next;
        }
        Err(Failure::Final(format!("{}: more than {REDIRECTS} redirects", shown(&url))))
    }
}

/// A header's text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn judge(url: &str, status: u16, answer: Response<Body>) -> Result<Response<Body>, Failure> {
    let url = shown(url);
    let wait = || header(answer.headers(), "retry-after")?.trim().parse().ok().map(Duration::from_secs);
    match status {
        200 | 206 => Ok(answer),
        401 | 403 => Err(Failure::Final(format!(
            "{url}: refused ({status}); it needs a token (HF_TOKEN) or its terms accepted on the site"
        ))),
        404 | 410 => Err(Failure::Final(format!("{url}: not found ({status})"))),
        416 => Err(Failure::Range),
        408 | 425 | 429 | 500..=599 => Err(Failure::Passing(format!("{url}: the server said {status}"), wait())),
        _ => Err(Failure::Final(format!("{url}: the server said {status}"))),
    }
}

fn failed(url: &str, error: &ureq::Error) -> Failure {
    let what = format!("{}: {}", shown(url), crate::one_line(error));
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Failure::Final(what),
        _ => Failure::Passing(what, None),
    }
}

/// `scheme://host:port` of an address; none unless it is http or https.
fn origin(url: &str) -> Option<&str> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let end = host.find(['/', '?', '#']).unwrap_or(host.len());
    (end > 0).then(|| &url[..url.len() - host.len() + end])
}

/// The address that `target` means in an answer from `url`.
fn join(url: &str, target: &str) -> String {
    let here = origin(url).unwrap_or_default();
    if target.contains("://") {
        target.to_string()
    } else if target.starts_with("//") {
        format!("{}:{target}", if url.starts_with("https") { "https" } else { "http" })
    } else if target.starts_with('/') {
        format!("{here}{target}")
    } else {
        let path = url.split(['?', '#']).next().unwrap_or(url);
        let folder = path[here.len()..].rfind('/').map_or(path.len(), |slash| here.len() + slash);
        format!("{}/{target}", &path[..folder])
    }
}

/// An address for an error: without the signature that redirects carry, and not without end.
fn shown(url: &str) -> String {
    url.split('?').next().unwrap_or_default().chars().take(200).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_joined_as_browsers_do() {
        let url = "https://hub.co:8/a/b?x=1";
        assert_eq!(join(url, "http://other/c"), "http://other/c");
        assert_eq!(join(url, "//other/c"), "https://other/c");
        assert_eq!(join(url, "/c"), "https://hub.co:8/c");
        assert_eq!(join(url, "c"), "https://hub.co:8/a/c");
        assert_eq!(join("https://hub.co", "c"), "https://hub.co/c");
        assert_eq!(origin(url), Some("https://hub.co:8"));
        for other in ["file:///etc/passwd", "ftp://x", "https://", "x"] {
            assert_eq!(origin(other), None);
        }
    }
}
