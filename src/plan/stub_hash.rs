impl crate::project::Project {
    pub fn config_hash(&self, s: &str, r: &std::collections::BTreeMap<String, String>) -> String {
        format!("{:?}{:?}", self.service(s), r)
    }
}
