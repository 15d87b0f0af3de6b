using Npgsql;
using NpgsqlTypes;

namespace Metering.Engine;

/// <summary>Changes to profiles, and API keys that are made within a limit.</summary>
public sealed partial class PostgreSqlDirectoryStore
{
    // Any number will do that no other lock has as its first: "MTKY" in ASCII. The second is the account's.
    private const int KeyMakingLock = 0x4D544B59;

    // The parts of one statement all see the state before it, so the count leaves out a replaced key that ends now.
    private const string MakeKey =
        $"""
        WITH active AS (
            SELECT id FROM metering.api_keys WHERE account = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $7)),
        verdict AS (
            SELECT CASE
                WHEN EXISTS (SELECT FROM metering.kept_answers WHERE account = $2 AND key = $12) THEN 1
                WHEN $10 IS NOT NULL AND NOT EXISTS (SELECT FROM active WHERE id = $10) THEN 2
                WHEN (SELECT count(*) FROM active WHERE $10 IS NULL OR id <> $10 OR $11 > $7) >= $9 THEN 3
                ELSE 0 END AS code),
        ended AS (
            UPDATE metering.api_keys SET expires_at = least(expires_at, $11) WHERE id = $10 AND (SELECT code FROM verdict) = 0),
        added AS (
            INSERT INTO metering.api_keys ({KeyColumns})
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, NULL::bigint WHERE (SELECT code FROM verdict) = 0),
        forgotten AS (
            DELETE FROM metering.kept_answers WHERE kept_at < $15 AND $12 IS NOT NULL),
        kept AS (
            INSERT INTO metering.kept_answers (account, key, request, answer, kept_at)
            SELECT $2, $12, $13, $14, $7 WHERE $12 IS NOT NULL AND (SELECT code FROM verdict) = 0)
        SELECT code, set_config('synchronous_commit', 'on', true) FROM verdict
        """;

    /// <inheritdoc />
    public async ValueTask<AccountProfile?> UpdateProfileAsync(AccountId account, ProfileChange change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        ChangedText?[] changes = [change.FirstName, change.LastName, change.CompanyName, change.CompanyWebsite];
        var found = await RunAsync(
            $"""
            UPDATE metering.profiles SET
                first_name = CASE WHEN $2 THEN $3 ELSE first_name END, last_name = CASE WHEN $4 THEN $5 ELSE last_name END,
                company_name = CASE WHEN $6 THEN $7 ELSE company_name END, company_website = CASE WHEN $8 THEN $9 ELSE company_website END
            WHERE account = $1 RETURNING {ProfileColumns}, set_config('synchronous_commit', 'on', true)
            """,
            [Text(account.Value), .. changes.SelectMany(text => (NpgsqlParameter[])[new NpgsqlParameter<bool> { TypedValue = text is not null }, Text(text?.Value)])],
            ProfileOf,
            cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    /// <inheritdoc />
    public async ValueTask<KeyAddition> MakeKeyAsync(KeyMaking making, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(making);
        var (key, answer) = (making.Key, making.Answer);
        await using var batch = source.CreateBatch();

        // One transaction of two statements: the second one sees what the account's maker before it has committed.
        batch.BatchCommands.Add(new($"SELECT pg_advisory_xact_lock({KeyMakingLock}, hashtext($1))") { Parameters = { Text(key.Account.Value) } });
        var make = new NpgsqlBatchCommand(MakeKey);
        NpgsqlParameter[] parameters =
        [
            Text(key.Id), Text(key.Account.Value), Text(key.Name), Bytes(key.Hash), Text(key.Display), Value((int)key.Scopes), Time(key.CreatedAt), Time(key.ExpiresAt),
            Value(making.MaxActive), Text(making.Replaces), Time(making.ReplacedEndsAt), OptionalBytes(answer?.Key), OptionalBytes(answer?.Request), Text(answer?.Answer),
            Time(key.CreatedAt - KeptAnswer.KeptFor),
        ];
        make.Parameters.AddRange(parameters);
        batch.BatchCommands.Add(make);
        return await CallAsync(
            async () =>
            {
                await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
                await rows.NextResultAsync(cancellationToken);
                await rows.ReadAsync(cancellationToken);
                var verdict = (KeyAddition)rows.GetInt32(0);

                // To the end: only the answer behind the rows says that the transaction was committed.
                await rows.NextResultAsync(cancellationToken);
                return verdict;
            });
    }

    /// <inheritdoc />
    public async ValueTask<KeptAnswer?> FindAnswerAsync(AccountId account, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        var found = await ReadAsync(
            "SELECT request, answer FROM metering.kept_answers WHERE account = $1 AND key = $2",
            [Text(account.Value), Bytes(key)],
            rows => new KeptAnswer { Account = account, Key = key, Request = rows.GetFieldValue<byte[]>(0), Answer = rows.GetString(1) },
            cancellationToken);
        return found.Count == 0 ? null : found[0];
    }

    private static NpgsqlParameter OptionalBytes(ReadOnlyMemory<byte>? value) => value is { } bytes
        ? Bytes(bytes)
        : new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Bytea, Value = DBNull.Value };
}
