namespace Metering.Engine;

/// <summary>Sandboxes in the directory's database.</summary>
internal sealed class SqlSandboxStore(IDirectorySql sql) : ISandboxStore
{
    public ValueTask<AccountId?> AddAsync(AccountId account, AccountId twin, DateTimeOffset now, CancellationToken cancellationToken = default) => sql.CommitAsync(
        async transaction =>
        {
            await transaction.RunAsync(
                "INSERT INTO metering.sandboxes (account, twin, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1",
                [SqlValue.Of(account), SqlValue.Of(twin), SqlValue.Of(now)],
                _ => true);
            return Only(await transaction.RunAsync("SELECT twin FROM metering.sandboxes WHERE account = $1", [SqlValue.Of(account)], AccountOf));
        },
        cancellationToken);

    public async ValueTask<AccountId?> FindTwinAsync(AccountId account, CancellationToken cancellationToken = default) =>
        Only(await sql.ReadAsync("SELECT twin FROM metering.sandboxes WHERE account = $1", [SqlValue.Of(account)], AccountOf, cancellationToken));

    public async ValueTask<AccountId?> FindOwnerAsync(AccountId twin, CancellationToken cancellationToken = default) =>
        Only(await sql.ReadAsync("SELECT account FROM metering.sandboxes WHERE twin = $1", [SqlValue.Of(twin)], AccountOf, cancellationToken));

    private static AccountId AccountOf(ISqlRow row) => new(row.Required(0));

    private static AccountId? Only(List<AccountId> accounts) => accounts.Count == 0 ? null : accounts[0];
}
