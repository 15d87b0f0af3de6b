using System.Data;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NpgsqlTypes;

namespace Metering.Engine;

/// <summary>The directory in the ledger's PostgreSQL database. Every call is one statement, which is its own transaction.</summary>
public sealed partial class PostgreSqlDirectoryStore : IDirectoryStore
{
    private const string ProfileColumns = "account, email, first_name, last_name, company_name, company_website, created_at";
    private const string KeyColumns = "id, account, name, hash, display, scopes, created_at, expires_at, revoked_at";

    // What was written must outlast the server whatever its own setting is; and the row says that something was written.
    private const string Durably = "RETURNING set_config('synchronous_commit', 'on', true)";

    private readonly NpgsqlDataSource source;
    private bool disposed;

    private PostgreSqlDirectoryStore(NpgsqlDataSource source)
    {
        this.source = source;
    }

    /// <summary>The pool of connections, for the stores of other subjects in the same database.</summary>
    internal NpgsqlDataSource Source => source;

    /// <summary>Opens a directory, making the schema where it is missing and the user may.</summary>
    /// <param name="connectionString">As Npgsql reads it, for example <c>Host=localhost;Username=metering;Database=metering</c>.</param>
    /// <param name="options">What is not in the connection string; null for the defaults.</param>
    /// <param name="logger">Hears of a schema that was changed; null for nobody.</param>
    /// <exception cref="MeteringStartupException">The database cannot be used; the message says why and what mends it.</exception>
    public static PostgreSqlDirectoryStore Open(string connectionString, PostgreSqlStoreOptions? options = null, ILogger? logger = null) =>
        new(PostgreSqlDatabase.Open(connectionString, options ?? new(), logger ?? NullLogger.Instance));

    /// <inheritdoc />
    public async ValueTask<bool> TryAddProfileAsync(AccountProfile profile, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return await AnyAsync(
            $"""
            INSERT INTO metering.profiles ({ProfileColumns})
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account) DO NOTHING {Durably}
            """,
            [
                Text(profile.Account.Value), Text(profile.Email), Text(profile.FirstName), Text(profile.LastName), Text(profile.CompanyName),
                Text(profile.CompanyWebsite), Time(profile.CreatedAt),
            ],
            cancellationToken);
    }

    /// <inheritdoc />
    public async ValueTask<AccountProfile?> FindProfileAsync(AccountId account, CancellationToken cancellationToken = default)
    {
        var found = await ReadAsync($"SELECT {ProfileColumns} FROM metering.profiles WHERE account = $1", [Text(account.Value)], ProfileOf, cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    /// <inheritdoc />
    public async ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) =>
        !await AnyAsync("SELECT 1 FROM metering.profiles LIMIT 1", [], cancellationToken);

    /// <inheritdoc />
    public async ValueTask AddKeyAsync(ApiKey key, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        await AnyAsync(
            $"INSERT INTO metering.api_keys ({KeyColumns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) {Durably}",
            [
                Text(key.Id), Text(key.Account.Value), Text(key.Name), Bytes(key.Hash), Text(key.Display),
                Value((int)key.Scopes), Time(key.CreatedAt), Time(key.ExpiresAt), Time(key.RevokedAt),
            ],
            cancellationToken);
    }

    /// <inheritdoc />
    public async ValueTask<ApiKey?> FindKeyAsync(ReadOnlyMemory<byte> hash, CancellationToken cancellationToken = default)
    {
        var found = await ReadAsync($"SELECT {KeyColumns} FROM metering.api_keys WHERE hash = $1", [Bytes(hash)], KeyOf, cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<ApiKey>> ListKeysAsync(AccountId account, CancellationToken cancellationToken = default) => await ReadAsync(
        $"SELECT {KeyColumns} FROM metering.api_keys WHERE account = $1 ORDER BY created_at, number", [Text(account.Value)], KeyOf, cancellationToken);

    /// <inheritdoc />
    public async ValueTask<bool> RevokeKeyAsync(AccountId account, string id, DateTimeOffset at, CancellationToken cancellationToken = default) => await AnyAsync(
        $"UPDATE metering.api_keys SET revoked_at = coalesce(revoked_at, $3) WHERE account = $1 AND id = $2 {Durably}",
        [Text(account.Value), Text(id), Time(at)],
        cancellationToken);

    /// <summary>Profiles in ascending order of their accounts' ids (ordinal), after a given one; at most <paramref name="limit"/>.</summary>
    public async ValueTask<IReadOnlyList<AccountProfile>> ListProfilesAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) => await ReadAsync(
        $"SELECT {ProfileColumns} FROM metering.profiles WHERE account > $1 ORDER BY account LIMIT $2",
        [Text(after?.Value ?? string.Empty), Value(limit)],
        ProfileOf,
        cancellationToken);

    /// <summary>
    /// The keys of all accounts in the order of their making here, expired and revoked ones included, after the one with an id; at most
    /// <paramref name="limit"/>. Nothing where no key has that id.
    /// </summary>
    public async ValueTask<IReadOnlyList<ApiKey>> ListAllKeysAsync(string? afterId, int limit, CancellationToken cancellationToken = default) => await ReadAsync(
        $"""
        SELECT {KeyColumns} FROM metering.api_keys
        WHERE number > CASE WHEN $1 IS NULL THEN 0 ELSE (SELECT k.number FROM metering.api_keys k WHERE k.id = $1) END ORDER BY number LIMIT $2
        """,
        [Text(afterId), Value(limit)],
        KeyOf,
        cancellationToken);

    /// <summary>
    /// Adds what another directory holds, in one commit and in the order given: for copies, which run again after they were broken off. An
    /// account that has a profile keeps it, and a key whose id is taken stays as it is.
    /// </summary>
    /// <exception cref="InvalidOperationException">A key's hash is taken by a key with another id; nothing was changed.</exception>
    public async ValueTask ImportAsync(IReadOnlyList<AccountProfile> profiles, IReadOnlyList<ApiKey> keys, CancellationToken cancellationToken = default) => await ReadAsync(
        $"""
        WITH added_profiles AS (
            INSERT INTO metering.profiles ({ProfileColumns})
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account) DO NOTHING),
        added_keys AS (
            INSERT INTO metering.api_keys ({KeyColumns})
            SELECT k.id, k.account, k.name, k.hash, k.display, k.scopes, k.created_at, k.expires_at, k.revoked_at
            FROM unnest($8, $9, $10, $11, $12, $13, $14, $15, $16) WITH ORDINALITY k ({KeyColumns}, place)
            ORDER BY k.place ON CONFLICT (id) DO NOTHING)
        SELECT set_config('synchronous_commit', 'on', true)
        """,
        [
            Column(profiles, profile => profile.Account.Value), Column(profiles, profile => profile.Email), Column(profiles, profile => profile.FirstName),
            Column(profiles, profile => profile.LastName), Column(profiles, profile => profile.CompanyName), Column(profiles, profile => profile.CompanyWebsite),
            Column(profiles, profile => profile.CreatedAt.ToUnixTimeMilliseconds()),
            Column(keys, key => key.Id), Column(keys, key => key.Account.Value), Column(keys, key => key.Name), Column(keys, key => key.Hash.ToArray()),
            Column(keys, key => key.Display), Column(keys, key => (int)key.Scopes), Column(keys, key => key.CreatedAt.ToUnixTimeMilliseconds()),
            Column(keys, key => key.ExpiresAt?.ToUnixTimeMilliseconds()), Column(keys, key => key.RevokedAt?.ToUnixTimeMilliseconds()),
        ],
        _ => true,
        cancellationToken);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        disposed = true;
        await source.DisposeAsync();
    }

    private static NpgsqlParameter Text(string? value) => value is null
        ? new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = DBNull.Value }
        : new NpgsqlParameter<string> { TypedValue = value };

    private static NpgsqlParameter<int> Value(int value) => new() { TypedValue = value };

    private static NpgsqlParameter<T[]> Column<TRow, T>(IReadOnlyList<TRow> rows, Func<TRow, T> value) => new() { TypedValue = [.. rows.Select(value)] };

    private static NpgsqlParameter<ReadOnlyMemory<byte>> Bytes(ReadOnlyMemory<byte> value) => new() { TypedValue = value };

    private static NpgsqlParameter Time(DateTimeOffset? value) => value is { } time
        ? new NpgsqlParameter<long> { TypedValue = time.ToUnixTimeMilliseconds() }
        : new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Bigint, Value = DBNull.Value };

    private static string? OptionalText(NpgsqlDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetString(column);

    private static DateTimeOffset? OptionalTime(NpgsqlDataReader rows, int column) =>
        rows.IsDBNull(column) ? null : DateTimeOffset.FromUnixTimeMilliseconds(rows.GetInt64(column));

    private static AccountProfile ProfileOf(NpgsqlDataReader rows) => new()
    {
        Account = new(rows.GetString(0)),
        Email = rows.GetString(1),
        FirstName = OptionalText(rows, 2),
        LastName = OptionalText(rows, 3),
        CompanyName = OptionalText(rows, 4),
        CompanyWebsite = OptionalText(rows, 5),
        CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(rows.GetInt64(6)),
    };

    private static ApiKey KeyOf(NpgsqlDataReader rows) => new()
    {
        Id = rows.GetString(0),
        Account = new(rows.GetString(1)),
        Name = rows.GetString(2),
        Hash = rows.GetFieldValue<byte[]>(3),
        Display = rows.GetString(4),
        Scopes = (ApiKeyScopes)rows.GetInt32(5),
        CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(rows.GetInt64(6)),
        ExpiresAt = OptionalTime(rows, 7),
        RevokedAt = OptionalTime(rows, 8),
    };

    private async ValueTask<bool> AnyAsync(string sql, NpgsqlParameter[] parameters, CancellationToken cancellationToken) =>
        (await RunAsync(sql, parameters, _ => true, cancellationToken)).Count > 0;

    /// <summary>Runs what may run twice: again where the first connection turns out to be dead, because the server may have started anew since its last use.</summary>
    private async ValueTask<List<T>> ReadAsync<T>(string sql, NpgsqlParameter[] parameters, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        try
        {
            return await RunAsync(sql, parameters, read, cancellationToken);
        }
        catch (LedgerUnavailableException error) when (!PostgreSqlFailure.IsRolledBack(error.InnerException!))
        {
            source.Clear();
            return await RunAsync(sql, parameters, read, cancellationToken);
        }
    }

    private async ValueTask<List<T>> RunAsync<T>(string sql, NpgsqlParameter[] parameters, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(sql);
        try
        {
            return await CallAsync(async () =>
            {
                command.Parameters.AddRange(parameters);
                await using var rows = await command.ExecuteReaderAsync(CommandBehavior.SingleResult, cancellationToken);
                var result = new List<T>();
                while (await rows.ReadAsync(cancellationToken))
                {
                    result.Add(read(rows));
                }

                // To the end: only the answer behind the rows says that the statement's transaction was committed.
                await rows.NextResultAsync(cancellationToken);
                return result;
            });
        }
        finally
        {
            // A parameter belongs to one command at a time.
            command.Parameters.Clear();
        }
    }

    private async ValueTask<T> CallAsync<T>(Func<Task<T>> call)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        try
        {
            return await call();
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw new InvalidOperationException($"The directory has that API key already: {error.MessageText}.", error);
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            throw PostgreSqlFailure.Unavailable(error);
        }
    }
}
