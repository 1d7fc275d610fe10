//! Logging in from a device without a browser: it shows a code, a person types it in elsewhere, and the device asks until that is
//! done. RFC 8628, and what Qwen, Codex and MiniMax make of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{Credential, CredentialId, Failure, Kind, LastError, Secret};
use serde_json::Value;

use crate::answer::Answer;
use crate::error::{LoginError, Trouble};
use crate::exchange::{Minted, end_told, not_answered, post, read};
use crate::profile::{Encoding, Flow, Profile};
use crate::proof::Proof;
use crate::token_url::TokenUrl;
use crate::transport::{Request, Response, SendError, Transport};

/// A code is good for so long, where nobody says: what Codex gives.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Whatever the server says.
const LONGEST_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The pause between two questions, where nobody says (RFC 8628 section 3.2).
const PAUSE: Duration = Duration::from_secs(5);
/// Whatever the server says.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Codex and MiniMax are not asked more often.
const SHORTEST_PAUSE_OF_CODEX: Duration = Duration::from_secs(3);
const SHORTEST_PAUSE_OF_MINIMAX: Duration = Duration::from_secs(2);
/// What `slow_down` adds (RFC 8628 section 3.5), and what an answer that did not come adds.
const SLOWER: Duration = Duration::from_secs(5);

/// A server that is busy is asked so often for a code.
const MOST_TRIES: u32 = 4;

/// A code that a person types is no longer than this.
const LONGEST_CODE: usize = 64;

/// Where a person types the code of Codex, and where its login would lead a browser.
const CODEX_PAGE: &str = "https://auth.openai.com/codex/device";
const CODEX_REDIRECT: &str = "https://auth.openai.com/deviceauth/callback";

/// Lets time pass between two questions, and knows how much did.
pub trait Waiter {
    /// How much time has passed since some moment, always the same one.
    fn passed(&self) -> Duration;
    /// Waits so long. The code, where there is one yet, is good for `left`.
    fn wait(&self, pause: Duration, left: Option<Duration>);
}

/// A login by device code.
#[derive(Clone, Copy)]
pub struct DeviceLogin<'a> {
    /// Whose.
    pub profile: &'a Profile,
    /// Who sends.
    pub transport: &'a dyn Transport,
    /// Who waits.
    pub waiter: &'a dyn Waiter,
}

/// A code that waits for a person.
#[derive(Debug)]
pub struct DeviceCode {
    /// The page to open.
    pub page: TokenUrl,
    /// Whether that page has the code already, and asks at most whether it is the right one.
    pub is_in_page: bool,
    /// What to type there.
    pub user_code: String,
    /// How long it is good.
    pub lifetime: Duration,
    /// What we name it to the server.
    secret: Secret,
    proof: Option<Proof>,
    pause: Duration,
    /// When it ends, by the waiter's time.
    ends: Duration,
}

/// The tokens of a login that is done, and whose they are, where that is told.
#[derive(Debug)]
pub struct NewLogin {
    pub(crate) tokens: pool_core::Tokens,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) owner: Option<String>,
}

/// What the server says while it is asked.
enum Told {
    Done(Box<NewLogin>),
    Pending,
    SlowDown,
}

/// What Codex gives in place of tokens, once the code was typed in.
struct Authorization {
    code: Secret,
    verifier: Secret,
}

impl DeviceLogin<'_> {
    /// Asks for a code.
    ///
    /// # Errors
    ///
    /// When it is not known where, or there is no code to be had.
    pub fn begin(&self, now: DateTime<Utc>) -> Result<DeviceCode, LoginError> {
        let url = self.profile.device_url.as_ref().ok_or(LoginError::NoDeviceUrl)?;
        let proof = self.flow().is_proven().then(Proof::new).transpose()?;
        let mut tries = 1;
        let answer = loop {
            let answer = self.transport.post(&self.code_request(url, proof.as_ref())).map_err(no_answer)?;
            if answer.status != 429 || tries == MOST_TRIES {
                break answer;
            }
            let told = answer.headers.get("retry-after").and_then(|seconds| seconds.trim().parse().ok());
            let pause = told.map_or(Duration::from_secs(1 << tries), Duration::from_secs);
            self.waiter.wait(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE), None);
            tries += 1;
        };
        if !(200..300).contains(&answer.status)
            || Answer::of(&answer.body).is_some_and(|fields| fields.has_error())
        {
            return Err(refused(&answer, None));
        }
        self.read_code(&answer, proof, now).ok_or(LoginError::Unreadable)
    }

    fn flow(&self) -> Flow {
        self.profile.dialect.flow
    }

    fn code_request<'a>(&self, url: &'a TokenUrl, proof: Option<&Proof>) -> Request<'a> {
        let client_id = self.profile.client_id.as_deref();
        if self.flow() == Flow::Codex {
            return post(self.profile, url, Encoding::Json, &[("client_id", client_id)]);
        }
        let challenge = proof.map(Proof::challenge);
        let (response_type, state) = match self.flow() {
            Flow::UserCode => (Some("code"), proof.map(|proof| proof.state.as_str())),
            _ => (None, None),
        };
        let fields = [
            ("response_type", response_type),
            ("client_id", client_id),
            ("scope", self.profile.scope.as_deref()),
            ("code_challenge", challenge.as_deref()),
            ("code_challenge_method", proof.map(|_| "S256")),
            ("state", state),
        ];
        post(self.profile, url, Encoding::Form, &fields)
    }

    fn read_code(&self, answer: &Response, proof: Option<Proof>, now: DateTime<Utc>) -> Option<DeviceCode> {
        let fields = Answer::of(&answer.body)?;
        let user_code = fields.first(&["user_code", "usercode"]).filter(|code| can_be_typed(code))?;
        let device_code = || fields.token("device_code").or_else(|| fields.token("device_auth_id"));
        let pause = fields.value("interval").as_ref().and_then(seconds);
        let (secret, pause, shortest) = match self.flow() {
            Flow::Standard | Flow::Proven => (device_code(), pause, SHORTEST_PAUSE),
            Flow::Codex => (device_code(), pause, SHORTEST_PAUSE_OF_CODEX),
            Flow::UserCode => {
                let state = fields.text("state");
                let is_ours = proof.as_ref().is_some_and(|proof| state.as_ref() == Some(&proof.state));
                let pause = pause.map(|milliseconds| milliseconds / 1000);
                (is_ours.then(|| Secret::new(user_code.clone())), pause, SHORTEST_PAUSE_OF_MINIMAX)
            }
        };
        let complete = fields.first(&["verification_uri_complete"]);
        let is_in_page = complete.is_some();
        let page = match self.flow() {
            Flow::Codex => CODEX_PAGE.to_owned(),
            _ => complete.or_else(|| fields.first(&["verification_uri", "verification_url"]))?,
        };
        let ends = end_told(&fields, now);
        let lifetime = ends.map_or(LIFETIME, |ends| (ends - now).to_std().unwrap_or_default());
        let lifetime = lifetime.clamp(SHORTEST_PAUSE, LONGEST_LIFETIME);
        let pause = pause.unwrap_or(PAUSE);
        Some(DeviceCode {
            page: page.parse().ok()?,
            is_in_page,
            user_code,
            lifetime,
            secret: secret?,
            proof,
            pause: pause.clamp(shortest, LONGEST_PAUSE),
            ends: self.waiter.passed().saturating_add(lifetime),
        })
    }

    /// Asks until the code was typed in. The clock tells when the tokens were given.
    ///
    /// # Errors
    ///
    /// When the person refused, or took too long, or the server gives no tokens.
    pub fn finish(&self, code: &DeviceCode, now: impl Fn() -> DateTime<Utc>) -> Result<NewLogin, LoginError> {
        let mut pause = code.pause;
        loop {
            let left = code.ends.saturating_sub(self.waiter.passed());
            if left < pause {
                return Err(LoginError::Expired);
            }
            self.waiter.wait(pause, Some(left));
            match self.ask(code, &now)? {
                Told::Done(login) => return Ok(*login),
                Told::Pending => {}
                Told::SlowDown => pause += SLOWER,
            }
        }
    }

    fn ask(&self, code: &DeviceCode, now: impl Fn() -> DateTime<Utc>) -> Result<Told, LoginError> {
        // A connection that fails is no end: the person may be typing.
        let Ok(answer) = self.question(code)? else { return Ok(Told::SlowDown) };
        let flow = self.flow();
        if flow == Flow::Codex
            && let Some(authorization) = authorization(&answer)
        {
            let answer = self.exchange(&authorization)?;
            return self.read_tokens(code, &answer, now()).map(Told::of);
        }
        let not_given = match (flow, read(self.profile, &answer, now())) {
            (Flow::Codex, _) => None,
            (_, Ok(minted)) => return Ok(Told::of(minted)),
            (_, Err(not_given)) => Some(not_given).filter(|not_given| not_given.trouble == Trouble::Refused),
        };
        let fields = Answer::of(&answer.body);
        let error = fields.as_ref().and_then(Answer::error);
        match (answer.status, error.as_deref()) {
            (_, Some("authorization_pending")) => Ok(Told::Pending),
            (_, Some("slow_down")) | (429 | 500.., _) => Ok(Told::SlowDown),
            (_, Some("access_denied")) => Err(LoginError::Denied),
            (_, Some("expired_token")) => Err(LoginError::Expired),
            (403 | 404, _) if flow == Flow::Codex => Ok(Told::Pending),
            (200..300, None) if flow == Flow::UserCode && fields.as_ref().is_some_and(is_undecided) => {
                Ok(Told::Pending)
            }
            // Neither tokens nor an error, such as the page of a proxy, is no end either.
            (_, None) if fields.is_none() => Ok(Told::SlowDown),
            (200..300, None) => match not_given {
                Some(refusal) => Err(LoginError::NotGiven(masked(&refusal.failure, Some(code)))),
                None => Ok(Told::SlowDown),
            },
            _ => Err(refused(&answer, Some(code))),
        }
    }

    fn question(&self, code: &DeviceCode) -> Result<Result<Response, SendError>, LoginError> {
        if self.flow() != Flow::Codex {
            return Ok(self.transport.post(&self.tokens_request(code)));
        }
        let url = self.poll_url()?;
        let fields = [("device_auth_id", Some(code.secret.expose())), ("user_code", Some(&*code.user_code))];
        Ok(self.transport.post(&post(self.profile, &url, Encoding::Json, &fields)))
    }

    fn tokens_request(&self, code: &DeviceCode) -> Request<'_> {
        let (grant, name) = match self.flow() {
            Flow::UserCode => ("urn:ietf:params:oauth:grant-type:user_code", "user_code"),
            _ => ("urn:ietf:params:oauth:grant-type:device_code", "device_code"),
        };
        let fields = [
            ("grant_type", Some(grant)),
            (name, Some(code.secret.expose())),
            ("client_id", self.profile.client_id.as_deref()),
            ("code_verifier", code.proof.as_ref().map(|proof| proof.verifier.expose())),
        ];
        post(self.profile, &self.profile.token_url, Encoding::Form, &fields)
    }

    /// Codex is asked beside where the code came from.
    fn poll_url(&self) -> Result<TokenUrl, LoginError> {
        let begun = self.profile.device_url.as_ref().ok_or(LoginError::NoDeviceUrl)?.as_str();
        let folder = begun.rsplit_once('/').map_or(begun, |(folder, _)| folder);
        format!("{folder}/token").parse().map_err(|_| LoginError::NoDeviceUrl)
    }

    fn read_tokens(
        &self,
        code: &DeviceCode,
        answer: &Response,
        now: DateTime<Utc>,
    ) -> Result<Minted, LoginError> {
        read(self.profile, answer, now)
            .map_err(|error| LoginError::NotGiven(masked(&error.failure, Some(code))))
    }

    /// Sends an authorization code, once: it is good for one use.
    fn exchange(&self, authorization: &Authorization) -> Result<Response, LoginError> {
        let fields = [
            ("grant_type", Some("authorization_code")),
            ("code", Some(authorization.code.expose())),
            ("redirect_uri", Some(CODEX_REDIRECT)),
            ("client_id", self.profile.client_id.as_deref()),
            ("code_verifier", Some(authorization.verifier.expose())),
        ];
        let request = post(self.profile, &self.profile.token_url, Encoding::Form, &fields);
        self.transport.post(&request).map_err(no_answer)
    }
}

impl Told {
    fn of(minted: Minted) -> Self {
        Self::Done(Box::new(NewLogin::of(minted)))
    }
}

fn authorization(answer: &Response) -> Option<Authorization> {
    let fields = Answer::of(&answer.body).filter(|_| (200..300).contains(&answer.status))?;
    let (code, verifier) = (fields.token("authorization_code")?, fields.token("code_verifier")?);
    Some(Authorization { code, verifier })
}

impl std::fmt::Debug for DeviceLogin<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DeviceLogin").field("profile", self.profile).finish_non_exhaustive()
    }
}

impl NewLogin {
    fn of(minted: Minted) -> Self {
        let Minted { tokens, expires_at, id_token } = minted;
        let owner = id_token.iter().chain(tokens.access_token()).find_map(Secret::owner).map(str::to_owned);
        Self { tokens, expires_at, owner }
    }
}

/// What a server makes people type is a word, and no trick on their terminal.
fn can_be_typed(code: &str) -> bool {
    !code.trim().is_empty()
        && code.len() <= LONGEST_CODE
        && code.chars().all(|c| c.is_ascii_graphic() || c == ' ')
}

fn seconds(told: &Value) -> Option<Duration> {
    let number = told.as_f64().or_else(|| told.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(number).ok()
}

/// MiniMax says at 200 that nobody has typed the code in yet, by a status that is neither `success` nor `error`.
fn is_undecided(fields: &Answer) -> bool {
    fields.get("status").is_some_and(|status| !["success", "error"].iter().any(|known| status.says(known)))
}

fn refused(answer: &Response, code: Option<&DeviceCode>) -> LoginError {
    LoginError::NotGiven(masked(&Failure::http(answer.status).body(&answer.body), code))
}

fn no_answer(error: SendError) -> LoginError {
    LoginError::NotGiven(masked(&not_answered(error).failure, None))
}

/// What may be said of a failure: without our code, should the server echo it.
fn masked(failure: &Failure, code: Option<&DeviceCode>) -> LastError {
    let holder = code.map(|code| Credential::manual(CredentialId::from_seed(0), code.secret.clone()));
    LastError::of(failure, Kind::Unknown, holder.as_ref())
}
