// {{title}}.
{
  "$schema": "node_modules/wrangler/config-schema.json",
  "name": "de-{{name}}",
  "main": "../workers/{{name}}/build/index.js",
  "compatibility_date": "{{compatibility_date}}",
  // The first: without it a worker never hears that its caller has gone. The second: timers as numbers, as
  // the generated glue wants them.
  "compatibility_flags": ["enable_request_signal", "no_nodejs_global_timers"],
  "version_metadata": { "binding": "CF_VERSION_METADATA" },
  "d1_databases": [
    {
      "binding": "DB",
      "database_name": "de",
      "database_id": "00000000-0000-0000-0000-000000000000"
    }
  ],
  "kv_namespaces": [{ "binding": "CACHE", "id": "00000000000000000000000000000000" }],
  "r2_buckets": [{ "binding": "ASSETS", "bucket_name": "de-assets" }],
  // Failed log-ins an address. One namespace for all workers: who tries keys gets one count, not six.
  "ratelimits": [
    { "name": "BRAKE", "namespace_id": "1001", "simple": { "limit": 20, "period": 60 } }
  ],
  "durable_objects": {
    "bindings": [
      { "name": "CLAIMS", "class_name": "Claim", "script_name": "de-rate-limiter" },
      { "name": "LIMITER", "class_name": "Limiter", "script_name": "de-rate-limiter" }
    ]
  }
}
