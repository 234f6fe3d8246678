//! The typed calls. Each may fail with [`ClientError::Transport`], [`ClientError::Refused`] and
//! [`ClientError::UnexpectedBody`].

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::{Client, ClientError, Content, ListTasks, NewTask, RawResponse, Session, Task, TaskPage};

#[derive(Deserialize)]
struct Balance {
    balance: i64,
}

impl Client {
    /// Registers a user, who is then signed in.
    ///
    /// # Errors
    ///
    /// Refused when the name is taken or the password too weak.
    pub async fn register(&self, username: &str, password: &str) -> Result<Session, ClientError> {
        self.sign_in("/api/auth/register", username, password).await
    }

    /// Signs a user in.
    ///
    /// # Errors
    ///
    /// Refused with 401 when name and password do not fit.
    pub async fn login(&self, username: &str, password: &str) -> Result<Session, ClientError> {
        self.sign_in("/api/auth/login", username, password).await
    }

    async fn sign_in(&self, path: &str, username: &str, password: &str) -> Result<Session, ClientError> {
        let body = json!({ "username": username, "password": password });
        self.send(self.request(Method::POST, path).json(&body)).await?.data()
    }

    /// Creates a task: JSON, or multipart when it has an image.
    ///
    /// # Errors
    ///
    /// Refused with 400 for values that cannot be used, 402 when the credits do not suffice;
    /// [`ClientError::File`] when the image cannot be read.
    pub async fn create_task(&self, task: &NewTask) -> Result<Task, ClientError> {
        self.create_task_raw(task).await?.data()
    }

    /// As [`create_task`](Self::create_task), with whatever answer came.
    ///
    /// # Errors
    ///
    /// [`ClientError::Transport`]; [`ClientError::File`] when the image cannot be read.
    pub async fn create_task_raw(&self, task: &NewTask) -> Result<RawResponse, ClientError> {
        let mut request = self.request(Method::POST, "/api/video/tasks");
        if let Some(key) = &task.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let request = match &task.reference_image {
            Some(image) => request.multipart(task.form(image).await?),
            None => request.json(task),
        };
        self.send(request).await
    }

    /// A task's row.
    ///
    /// # Errors
    ///
    /// Refused with 404 when there is none, or it is another user's.
    pub async fn get_task(&self, video_id: &str) -> Result<Task, ClientError> {
        self.get(&format!("/api/video/tasks/{video_id}")).await?.data()
    }

    /// One page of the user's tasks.
    ///
    /// # Errors
    ///
    /// Refused with 400 for values that cannot be used.
    pub async fn list_tasks(&self, query: &ListTasks) -> Result<TaskPage, ClientError> {
        self.send(self.request(Method::GET, "/api/video/tasks").query(query)).await?.data()
    }

    /// Cancels a task. The row that comes back is `Cancelled`; or `Processing`, when a provider works on the task: it then ends as
    /// `Cancelled` once the provider confirms, or otherwise when the provider was faster.
    ///
    /// # Errors
    ///
    /// Refused with 409 when it has ended, or its result is being stored.
    pub async fn cancel_task(&self, video_id: &str) -> Result<Task, ClientError> {
        let path = format!("/api/video/tasks/{video_id}/cancel");
        self.send(self.request(Method::POST, &path)).await?.data()
    }

    /// A link to the finished video.
    ///
    /// # Errors
    ///
    /// Refused with 409 when it is not finished.
    pub async fn content(&self, video_id: &str) -> Result<Content, ClientError> {
        self.get(&format!("/api/video/tasks/{video_id}/content")).await?.data()
    }

    /// The user's credits.
    ///
    /// # Errors
    ///
    /// Only those of every call.
    pub async fn balance(&self) -> Result<i64, ClientError> {
        let Balance { balance } = self.get("/api/credits/balance").await?.data()?;
        Ok(balance)
    }

    /// Succeeds when the platform behind the gateway is up.
    ///
    /// # Errors
    ///
    /// [`ClientError::is_unreachable`] is true while it is not.
    pub async fn health(&self) -> Result<(), ClientError> {
        self.get("/health").await?.check()
    }

    /// A GET of a path of the gateway, with whatever answer came.
    ///
    /// # Errors
    ///
    /// [`ClientError::Transport`] when none came.
    pub async fn get(&self, path: &str) -> Result<RawResponse, ClientError> {
        self.send(self.request(Method::GET, path)).await
    }
}
