//! stub
#[derive(Debug, Clone)]
pub struct Service;
#[derive(Debug, Clone)]
pub struct Project;
