use actix_web::web::Data;
use zoetrope_domain::{AccountOwner, Credits};
use zoetrope_http::Problem;
use zoetrope_service::run_to_end;

use super::CreateVideo;
use crate::{app::App, http::problems::query_problem, store::idempotency, uploads::Upload};

/// Decides whether a create may bring a file, before the file is read. What is decided here is decided again, and for good, when the task is
/// created.
pub struct Admission {
    app: Data<App>,
    owner: AccountOwner,
    key: Option<String>,
}

impl Admission {
    pub fn new(app: &Data<App>, owner: AccountOwner, key: Option<&str>) -> Self {
        Self { app: app.clone(), owner, key: key.map(str::to_owned) }
    }

    /// Begins the upload of a request, or goes on with it, unless what has come so far cannot become a task.
    pub async fn begin(&self, so_far: &CreateVideo, begun: &mut Option<Upload>) -> Result<Upload, Problem> {
        let wrong = so_far.wrong_so_far(&self.app.models, &self.app.destinations);
        if !wrong.is_empty() {
            return Err(Problem::validation(wrong));
        }
        self.afford(so_far.least_price(&self.app.models)).await?;
        let upload = begun.take().map_or_else(|| self.app.uploads.begin(self.owner.user_id), Ok)?;
        Ok(begun.insert(upload).clone())
    }

    /// 402 when the balance does not suffice; but a request that is repeated costs nothing.
    pub async fn afford(&self, price: Credits) -> Result<(), Problem> {
        let (commands, user) = (self.app.commands.clone(), self.owner.user_id);
        let balance = run_to_end(async move { commands.balance(user).await }).await?;
        if balance >= price.get() || self.is_repeated().await? {
            return Ok(());
        }
        Err(Problem::insufficient_credits(price.get(), balance))
    }

    async fn is_repeated(&self) -> Result<bool, Problem> {
        let Some(key) = &self.key else { return Ok(false) };
        let connection = self.app.commands.database.connection().await?;
        idempotency::is_known(&connection, self.owner, key).await.map_err(query_problem)
    }
}
