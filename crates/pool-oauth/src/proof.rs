//! Who fetches the tokens of a login proves that it is who asked for it (RFC 7636), since whoever else saw the code could fetch them too.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use pool_core::Secret;
use sha2::{Digest, Sha256};

use crate::error::LoginError;

/// What only we know, until the tokens are asked for.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) verifier: Secret,
    /// What the server is to say back, so that its answer is known for one to us.
    pub(crate) state: String,
}

impl Proof {
    pub(crate) fn new() -> Result<Self, LoginError> {
        Ok(Self { verifier: Secret::new(random()?), state: random()? })
    }

    /// What tells nobody the verifier, and everybody that it is the right one (section 4.2, `S256`).
    pub(crate) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose()))
    }
}

/// 43 characters that nobody guesses.
fn random() -> Result<String, LoginError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| LoginError::NoRandomness)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636 appendix B.
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        let proof = Proof { verifier, state: String::new() };
        assert_eq!(proof.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn no_proof_is_like_another() {
        let (one, other) = (Proof::new().unwrap(), Proof::new().unwrap());
        assert_eq!(one.verifier.expose().len(), 43);
        assert!(one.verifier != other.verifier && one.state != one.verifier.expose());
    }
}
