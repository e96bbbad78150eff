    Behind {
        describe: {{crate}}::openapi::describe,
        name: "{{name}}",
        router: {{crate}}::router,
        routes: &{{crate}}::openapi::ROUTES,
    },
