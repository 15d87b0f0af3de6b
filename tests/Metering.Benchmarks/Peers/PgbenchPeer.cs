using System.Globalization;

namespace Metering.Benchmarks;

/// <summary>
/// The usual SQL for credits, driven by PostgreSQL's own pgbench: one prepared statement that takes from the balance where it suffices
/// and writes the ledger's row with its unique idempotency key. A caller is a connection.
/// </summary>
internal sealed class PgbenchPeer : ILoadSystem
{
    private const double LoggedShare = 0.1;

    private const string Statement = """
        \set account random(1, ACCOUNTS)
        \set key random(1, 9000000000000000000)
        WITH charged AS (UPDATE account SET balance = balance - 12 WHERE id = :account AND balance >= 12 RETURNING id, balance)
        INSERT INTO ledger (account, amount, balance_after, product, description, idempotency_key)
        SELECT id, -12, balance, 'lead.search', 'Lead search: Restaurants in US (97 results)', :key FROM charged;
        """;

    private PostgreSqlServer? server;

    public string Name => "pgbench";

    public string Description => "PostgreSQL as installed: one prepared statement (conditional UPDATE and INSERT with a unique key), a connection a caller";

    public string? Missing =>
        !PostgreSqlServer.IsInstalled ? PostgreSqlServer.HowToInstall
        : PostgreSqlServer.Find("pgbench") is null ? "pgbench was not found; on Debian: apt-get install postgresql-contrib"
        : null;

    /// <summary>More connections than this help PostgreSQL on no machine that a benchmark runs on; a pooler would stand before it.</summary>
    public int MaxCallers => 256;

    public async Task<LoadFigure> MeasureAsync(LoadShape shape)
    {
        server ??= await PostgreSqlServer.StartAsync(MaxCallers);
        await server.ExecuteAsync($"""
            DROP TABLE IF EXISTS ledger, account;
            CREATE TABLE account (id integer PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0));
            CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account integer NOT NULL, amount bigint NOT NULL,
              balance_after bigint NOT NULL, product text NOT NULL, description text NOT NULL, idempotency_key bigint NOT NULL,
              created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (account, idempotency_key));
            INSERT INTO account SELECT id, 1000000000000 FROM generate_series(1, {shape.Accounts}) id;
            """);
        await server.ExecuteAsync("VACUUM ANALYZE account");
        return await Pgbench.RunAsync(server, $"{Name}, {shape}", Statement.Replace("ACCOUNTS", shape.Accounts.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal), shape, LoggedShare);
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }
}
