//! The columns of `usage_sums`, named once: texts of statements are put together from these when we compile.

/// Names each sum to a macro, with commas between.
macro_rules! each_sum {
    ($one:ident) => {
        concat!(
            $one!("calls"),
            ", ",
            $one!("input_tokens"),
            ", ",
            $one!("cached_input_tokens"),
            ", ",
            $one!("cache_write_tokens"),
            ", ",
            $one!("cache_write_1h_tokens"),
            ", ",
            $one!("cache_write_12h_tokens"),
            ", ",
            $one!("output_tokens"),
            ", ",
            $one!("reasoning_tokens"),
            ", ",
            $one!("image_input_tokens"),
            ", ",
            $one!("cached_image_input_tokens"),
            ", ",
            $one!("image_output_tokens"),
            ", ",
            $one!("audio_input_tokens"),
            ", ",
            $one!("audio_output_tokens"),
            ", ",
            $one!("images"),
            ", ",
            $one!("characters"),
            ", ",
            $one!("media_ms"),
            ", ",
            $one!("requests"),
            ", ",
            $one!("cost_micros"),
            ", ",
            $one!("unpriced"),
            ", ",
            $one!("estimated"),
            ", ",
            $one!("cached"),
            ", ",
            $one!("latency_ms"),
            ", ",
            $one!("first_byte_ms")
        )
    };
}

/// Names the lower half of the buckets of `latency` or `first_byte` to a macro: with what is counted, the number
/// and both bounds, of which the upper one belongs to it.
macro_rules! each_low_bucket {
    ($one:ident, $of:literal) => {
        concat!(
            $one!($of, "00", "-9007199254740991", "40"),
            ", ",
            $one!($of, "01", "40", "57"),
            ", ",
            $one!($of, "02", "57", "80"),
            ", ",
            $one!($of, "03", "80", "113"),
            ", ",
            $one!($of, "04", "113", "160"),
            ", ",
            $one!($of, "05", "160", "226"),
            ", ",
            $one!($of, "06", "226", "320"),
            ", ",
            $one!($of, "07", "320", "453"),
            ", ",
            $one!($of, "08", "453", "640"),
            ", ",
            $one!($of, "09", "640", "905"),
            ", ",
            $one!($of, "10", "905", "1280"),
            ", ",
            $one!($of, "11", "1280", "1810"),
            ", ",
            $one!($of, "12", "1810", "2560"),
            ", ",
            $one!($of, "13", "2560", "3620"),
            ", ",
            $one!($of, "14", "3620", "5120"),
            ", ",
            $one!($of, "15", "5120", "7241")
        )
    };
}

/// The upper half.
macro_rules! each_high_bucket {
    ($one:ident, $of:literal) => {
        concat!(
            $one!($of, "16", "7241", "10240"),
            ", ",
            $one!($of, "17", "10240", "14482"),
            ", ",
            $one!($of, "18", "14482", "20480"),
            ", ",
            $one!($of, "19", "20480", "28963"),
            ", ",
            $one!($of, "20", "28963", "40960"),
            ", ",
            $one!($of, "21", "40960", "57926"),
            ", ",
            $one!($of, "22", "57926", "81920"),
            ", ",
            $one!($of, "23", "81920", "115852"),
            ", ",
            $one!($of, "24", "115852", "163840"),
            ", ",
            $one!($of, "25", "163840", "231705"),
            ", ",
            $one!($of, "26", "231705", "327680"),
            ", ",
            $one!($of, "27", "327680", "463410"),
            ", ",
            $one!($of, "28", "463410", "655360"),
            ", ",
            $one!($of, "29", "655360", "926819"),
            ", ",
            $one!($of, "30", "926819", "1310720"),
            ", ",
            $one!($of, "31", "1310720", "9007199254740991")
        )
    };
}

/// Names all buckets to a macro.
macro_rules! each_bucket {
    ($one:ident) => {
        concat!(
            each_low_bucket!($one, "latency"),
            ", ",
            each_high_bucket!($one, "latency"),
            ", ",
            each_low_bucket!($one, "first_byte"),
            ", ",
            each_high_bucket!($one, "first_byte")
        )
    };
}

macro_rules! plain {
    ($column:literal) => {
        $column
    };
    ($of:literal, $n:literal, $low:literal, $high:literal) => {
        concat!($of, "_", $n)
    };
}

/// A column of `usage_sums AS s`, added up.
macro_rules! added_up {
    ($column:literal) => {
        concat!("sum(s.", $column, ") AS ", $column)
    };
    ($of:literal, $n:literal, $low:literal, $high:literal) => {
        concat!("sum(s.", $of, "_", $n, ")")
    };
}

/// A bucket, counted from `usage_logs AS u`.
macro_rules! counted {
    ($of:literal, $n:literal, $low:literal, $high:literal) => {
        concat!(
            "coalesce(sum(u.calls * (u.",
            $of,
            "_ms > ",
            $low,
            " AND u.",
            $of,
            "_ms <= ",
            $high,
            ")), 0)"
        )
    };
}

/// What a row that is there already becomes when there is more.
macro_rules! raised {
    ($column:literal) => {
        concat!($column, " = usage_sums.", $column, " + excluded.", $column)
    };
    ($of:literal, $n:literal, $low:literal, $high:literal) => {
        raised!($of, "_", $n)
    };
    ($of:literal, $dash:literal, $n:literal) => {
        concat!($of, "_", $n, " = usage_sums.", $of, "_", $n, " + excluded.", $of, "_", $n)
    };
}

/// The sums of `usage_logs AS u`, in the order of [`each_sum`].
macro_rules! summed_rows {
    () => {
        "sum(u.calls) AS calls, sum(u.input_tokens) AS input_tokens,
         sum(u.cached_input_tokens) AS cached_input_tokens,
         sum(u.cache_write_tokens) AS cache_write_tokens,
         sum(u.cache_write_1h_tokens) AS cache_write_1h_tokens,
         sum(u.cache_write_12h_tokens) AS cache_write_12h_tokens,
         sum(u.output_tokens) AS output_tokens, sum(u.reasoning_tokens) AS reasoning_tokens,
         sum(u.image_input_tokens) AS image_input_tokens,
         sum(u.cached_image_input_tokens) AS cached_image_input_tokens,
         sum(u.image_output_tokens) AS image_output_tokens,
         sum(u.audio_input_tokens) AS audio_input_tokens,
         sum(u.audio_output_tokens) AS audio_output_tokens, sum(u.images) AS images,
         sum(u.characters) AS characters, sum(u.media_ms) AS media_ms, sum(u.requests) AS requests,
         coalesce(sum(u.cost_micros), 0) AS cost_micros, sum(u.cost_micros IS NULL) AS unpriced,
         sum(u.estimated) AS estimated, sum(u.cached) AS cached,
         sum(u.latency_ms * u.calls) AS latency_ms,
         coalesce(sum(u.first_byte_ms * u.calls), 0) AS first_byte_ms"
    };
}

/// The ids by which calls are told apart within a span, of `usage_sums` or of an alias of it.
macro_rules! ids {
    ($of:literal) => {
        concat!(
            $of,
            "project_id, ",
            $of,
            "api_key_id, ",
            $of,
            "model_id, ",
            $of,
            "provider_id, ",
            $of,
            "modality, ",
            $of,
            "status, ",
            $of,
            "error_code"
        )
    };
}

/// The same of `usage_logs AS u`.
macro_rules! ids_of_rows {
    () => {
        "coalesce(u.project_id, ''), coalesce(u.api_key_id, ''), coalesce(u.model_id, ''),
         coalesce(u.provider_id, ''), u.modality, u.status, coalesce(u.error_code, '')"
    };
}

pub(super) use {
    added_up, counted, each_bucket, each_high_bucket, each_low_bucket, each_sum, ids, ids_of_rows,
    plain, raised, summed_rows,
};
