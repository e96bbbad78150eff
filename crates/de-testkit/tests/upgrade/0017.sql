INSERT INTO response_items (project_id, id, response_id)
VALUES ('proj_old', 'msg_old', 'resp_old');
