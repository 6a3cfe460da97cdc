-- Grain: one row per asset that any list of assets ever had. Parameters: none.
SELECT DISTINCT asset
FROM assets
ORDER BY asset;
