INSERT INTO usage_holds (instance_id, hour, until) VALUES ('inst_old', 1763996400000, 4070908800000);
INSERT INTO usage_late (receipt_id, added_at) VALUES ('rcpt_failed', 1764000000130);
INSERT INTO usage_sums (instance_id, span_ms, at, project_id, api_key_id, model_id, provider_id, modality, status,
  error_code, calls, input_tokens, cached_input_tokens, cache_write_tokens, cache_write_1h_tokens,
  cache_write_12h_tokens, output_tokens, reasoning_tokens, image_input_tokens, cached_image_input_tokens,
  image_output_tokens, audio_input_tokens, audio_output_tokens, images, characters, media_ms, requests, cost_micros,
  unpriced, estimated, latency_ms, first_byte_ms, latency_00, latency_01, latency_02, latency_03, latency_04,
  latency_05, latency_06, latency_07, latency_08, latency_09, latency_10, latency_11, latency_12, latency_13,
  latency_14, latency_15, latency_16, latency_17, latency_18, latency_19, latency_20, latency_21, latency_22,
  latency_23, latency_24, latency_25, latency_26, latency_27, latency_28, latency_29, latency_30, latency_31,
  first_byte_00, first_byte_01, first_byte_02, first_byte_03, first_byte_04, first_byte_05, first_byte_06,
  first_byte_07, first_byte_08, first_byte_09, first_byte_10, first_byte_11, first_byte_12, first_byte_13,
  first_byte_14, first_byte_15, first_byte_16, first_byte_17, first_byte_18, first_byte_19, first_byte_20,
  first_byte_21, first_byte_22, first_byte_23, first_byte_24, first_byte_25, first_byte_26, first_byte_27,
  first_byte_28, first_byte_29, first_byte_30, first_byte_31)
VALUES ('inst_old', 3600000, 1763996400000, 'proj_old', 'key_old', 'old-small', 'acme', 'text', 'ok', '', 1, 10, 0, 0,
  0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 300, 0, 0, 120, 40, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0);
