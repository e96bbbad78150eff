UPDATE projects SET response_cache_ttl_s = 600, response_cache_generation = 4 WHERE id = 'proj_old';
