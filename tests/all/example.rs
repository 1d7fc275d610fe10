use pool_core::{Failure, PickRequest, Provider};
use pool_oauth::Renewer;
use pool_store::PoolHandle;

fn ask(
    pool: &PoolHandle,
    renewer: &Renewer,
    send: impl Fn(&str) -> Result<String, Box<Failure>>,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut request = pool.request(PickRequest::new(Provider::new("openai-codex")?));
    loop {
        // Renews logins. The error has the reasons of every credential, and the last that upstream really said.
        let (lease, after) = renewer.next(&mut request)?;
        std::thread::sleep(after);
        match send(lease.secret().expose()) {
            Ok(answer) => {
                request.succeeded(&lease);
                return Ok(answer);
            }
            Err(failure) => request.failed(&lease, *failure), // on disk when it returns
        }
    }
}
