UPDATE usage_logs SET calls = 57 WHERE receipt_id = 'rcpt_failed';
