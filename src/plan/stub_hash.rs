impl crate::project::Project {
    pub fn config_hash(&self, s: &str, r: &std::collections::BTreeMap<String, String>) -> String {
        format!("{:?}{:?}", self.service(s), r)
    }
}
impl crate::project::Project {
    pub fn network_hash(&self, s: &str) -> String {
        s.to_owned()
    }
    pub fn volume_hash(&self, s: &str) -> String {
        s.to_owned()
    }
}
