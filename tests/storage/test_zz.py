import psycopg
def test_x(database):
    with psycopg.connect(database.owner_url) as c:
        print(c.execute("select rolname,rolsuper,rolbypassrls,rolcreaterole,rolcreatedb from pg_roles where rolname=current_user").fetchall(), database.owner_url, database.app_url)
        print(c.execute("select version()").fetchone())
        print(c.execute("select proname, pg_get_function_result(oid), proconfig, proacl from pg_proc where prosecdef").fetchall())
    assert 0
