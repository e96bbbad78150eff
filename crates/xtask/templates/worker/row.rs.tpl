    Worker {
        about: "{{about}}",
        budget_kib: 1280,
        name: "{{name}}",
        reach: Reach::Called { dev_port: {{port}}, paths: &[] },
        scope: Some("{{scope}}"),
        stands_on: &["rate-limiter"],
        title: "{{title}}",
    },
