use pool_core::{Credential, Failure, PickRequest, Provider, Tokens};
use pool_store::{Next, PoolHandle};

fn ask(
    pool: &PoolHandle,
    send: impl Fn(&str) -> Result<String, Box<Failure>>,
    renew: impl Fn(&Credential) -> Result<Tokens, Box<Failure>>,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut request = pool.request(PickRequest::new(Provider::new("openrouter")?));
    loop {
        // The error has the reasons of every credential, and the last that upstream really said.
        match request.next()? {
            Next::Send { lease, after, .. } => {
                std::thread::sleep(after);
                match send(lease.secret().expose()) {
                    Ok(answer) => {
                        request.succeeded(&lease);
                        return Ok(answer);
                    }
                    Err(failure) => request.failed(&lease, *failure), // on disk when it returns
                }
            }
            Next::Refresh { login, .. } => match renew(&login) {
                Ok(tokens) => request.renewed(&login, tokens, None)?,
                Err(failure) => request.not_renewed(&login, *failure),
            },
        }
    }
}
