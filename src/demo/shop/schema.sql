SET ROLE deploy;

CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL, name text NOT NULL);
CREATE TABLE products (id int PRIMARY KEY, sku text UNIQUE NOT NULL, title text NOT NULL, price_cents int NOT NULL);
CREATE TABLE carts (customer_id int NOT NULL, product_id int NOT NULL, quantity int NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (customer_id, product_id));
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL, total_cents int NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE payments (id bigserial PRIMARY KEY, order_id int NOT NULL, method text NOT NULL, amount_cents int NOT NULL,
    paid_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE stock (sku text PRIMARY KEY, warehouse text NOT NULL, quantity int NOT NULL);
CREATE TABLE jobs (id bigserial PRIMARY KEY, kind text NOT NULL, payload jsonb NOT NULL, state text NOT NULL DEFAULT 'queued',
    finished_at timestamptz);
CREATE INDEX ON jobs (state, id);

INSERT INTO customers SELECT n, 'customer' || n || '@example.com', 'Customer ' || n FROM generate_series(1, 2000) n;
INSERT INTO products SELECT n, 'SKU-' || lpad(n::text, 5, '0'), 'Product ' || n, 500 + n * 7 % 9000 FROM generate_series(1, 1500) n;
INSERT INTO carts (customer_id, product_id, quantity) SELECT n, 1 + n * 13 % 1500, 1 + n % 3 FROM generate_series(1, 2000) n;
INSERT INTO orders SELECT n, 1 + n % 2000, 'open', 1000 + n * 31 % 20000 FROM generate_series(1, 5000) n;
INSERT INTO stock SELECT 'SKU-' || lpad(n::text, 5, '0'), 'warehouse-' || 1 + n % 4, 100 + n % 50 FROM generate_series(1, 1500) n;

-- These two wait instead of computing: the demo should look busy without making the machine so.
CREATE FUNCTION search_products(term text) RETURNS SETOF products LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.03 + random() * 0.25);
    RETURN QUERY SELECT * FROM products WHERE title ILIKE '%' || term || '%' ORDER BY price_cents LIMIT 20;
END $$;
CREATE FUNCTION forecast_demand(sku text, days int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.04);
    RETURN days * length(sku);
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO web;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO web;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reporting;

RESET ROLE;
ANALYZE;
