namespace Metering.Engine;

/// <summary>Profiles in the directory's database.</summary>
internal sealed class SqlProfileRegister(IDirectorySql sql) : IProfileRegister
{
    // Behind every text that begins alike: the last code point, which is no character.
    private const string Last = "\U0010FFFF";

    public async ValueTask<IReadOnlyList<AccountProfile>> SearchAsync(ProfileSearch search, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(search);
        var (conditions, values) = (new List<string> { "account > $1" }, new List<SqlValue> { SqlValue.Of(search.After?.Value ?? string.Empty), SqlValue.Of(search.Limit) });
        Narrow(search.IdPrefix, "account", "{0}");
        Narrow(search.Email, "lower(email) COLLATE \"C\"", "lower({0})");
        Narrow(search.Company, "lower(company_name) COLLATE \"C\"", "lower({0})");
        return await sql.ReadAsync(
            $"""
            SELECT account, email, first_name, last_name, company_name, company_website, created_at
            FROM metering.profiles WHERE {string.Join(" AND ", conditions)} ORDER BY account LIMIT $2
            """,
            [.. values],
            ProfileOf,
            cancellationToken);

        void Narrow(string? prefix, string column, string folded)
        {
            if (prefix is not null)
            {
                values.Add(SqlValue.Of(prefix));
                values.Add(SqlValue.Of(prefix + Last));
                var (from, to) = (folded.Replace("{0}", $"${values.Count - 1}", StringComparison.Ordinal), folded.Replace("{0}", $"${values.Count}", StringComparison.Ordinal));
                conditions.Add($"{column} >= {from} AND {column} < {to}");
            }
        }
    }

    public ValueTask<bool> EraseAsync(AccountId account, CancellationToken cancellationToken = default) => sql.CommitAsync(
        async transaction =>
        {
            await transaction.RunAsync(
                "UPDATE metering.api_keys SET name = $2 WHERE account = $1 RETURNING 1", [SqlValue.Of(account), SqlValue.Of(IProfileRegister.ErasedName)], row => row.Number(0));
            await transaction.RunAsync("DELETE FROM metering.kept_answers WHERE account = $1 RETURNING 1", [SqlValue.Of(account)], row => row.Number(0));
            var profiles = await transaction.RunAsync(
                """
                UPDATE metering.profiles SET email = '', first_name = NULL, last_name = NULL, company_name = NULL, company_website = NULL
                WHERE account = $1 RETURNING 1
                """,
                [SqlValue.Of(account)],
                row => row.Number(0));
            return profiles.Count > 0;
        },
        cancellationToken);

    private static AccountProfile ProfileOf(ISqlRow row) => new()
    {
        Account = new(row.Required(0)),
        Email = row.Required(1),
        FirstName = row.Text(2),
        LastName = row.Text(3),
        CompanyName = row.Text(4),
        CompanyWebsite = row.Text(5),
        CreatedAt = row.Time(6)!.Value,
    };
}
