using SQLitePCL;

namespace Metering.Engine;

/// <summary>
/// The directory in a SQLite file that this process owns. One connection and one lock: its calls are rare beside the ledger's, and take
/// microseconds where they do not write. All of them complete synchronously.
/// </summary>
public sealed partial class SqliteDirectoryStore : IDirectoryStore
{
    private const string ProfileColumns = "account, email, first_name, last_name, company_name, company_website, created_at";
    private const string KeyColumns = "id, account, name, hash, display, scopes, created_at, expires_at, revoked_at";

    private readonly Lock gate = new();
    private readonly SqliteFile file;
    private readonly SqliteStatement insertProfile;
    private readonly SqliteStatement selectProfile;
    private readonly SqliteStatement selectAny;
    private readonly SqliteStatement insertKey;
    private readonly SqliteStatement selectKey;
    private readonly SqliteStatement selectKeys;
    private readonly SqliteStatement revokeKey;
    private readonly SqliteStatement listProfiles;
    private readonly SqliteStatement listKeys;
    private readonly SqliteStatement importKey;
    private readonly SqliteStatement updateProfile;
    private readonly SqliteStatement endKey;
    private readonly SqliteStatement selectAnswer;
    private readonly SqliteStatement insertAnswer;
    private readonly SqliteStatement deleteAnswers;
    private bool disposed;

    private SqliteDirectoryStore(SqliteFile file)
    {
        this.file = file;
        var database = file.Writer;
        insertProfile = database.Prepare(
            $"INSERT INTO profiles ({ProfileColumns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (account) DO NOTHING RETURNING 1");
        selectProfile = database.Prepare($"SELECT {ProfileColumns} FROM profiles WHERE account = ?1");
        selectAny = database.Prepare("SELECT 1 FROM profiles LIMIT 1");
        insertKey = database.Prepare($"INSERT INTO api_keys ({KeyColumns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
        selectKey = database.Prepare($"SELECT {KeyColumns} FROM api_keys WHERE hash = ?1");
        selectKeys = database.Prepare($"SELECT {KeyColumns} FROM api_keys WHERE account = ?1 ORDER BY created_at, number");
        revokeKey = database.Prepare("UPDATE api_keys SET revoked_at = ifnull(revoked_at, ?3) WHERE account = ?1 AND id = ?2 RETURNING 1");
        listProfiles = database.Prepare($"SELECT {ProfileColumns} FROM profiles WHERE account > ?1 ORDER BY account LIMIT ?2");
        listKeys = database.Prepare(
            $"""
            SELECT {KeyColumns} FROM api_keys
            WHERE number > (SELECT CASE WHEN ?1 IS NULL THEN 0 ELSE (SELECT number FROM api_keys WHERE id = ?1) END) ORDER BY number LIMIT ?2
            """);
        importKey = database.Prepare($"INSERT INTO api_keys ({KeyColumns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING");
        updateProfile = database.Prepare(
            $"""
            UPDATE profiles SET first_name = iif(?2, ?3, first_name), last_name = iif(?4, ?5, last_name), company_name = iif(?6, ?7, company_name),
                company_website = iif(?8, ?9, company_website) WHERE account = ?1 RETURNING {ProfileColumns}
            """);
        endKey = database.Prepare("UPDATE api_keys SET expires_at = min(ifnull(expires_at, ?2), ?2) WHERE id = ?1");
        selectAnswer = database.Prepare("SELECT request, answer FROM kept_answers WHERE account = ?1 AND key = ?2");
        insertAnswer = database.Prepare("INSERT INTO kept_answers (account, key, request, answer, kept_at) VALUES (?1, ?2, ?3, ?4, ?5)");
        deleteAnswers = database.Prepare("DELETE FROM kept_answers WHERE kept_at < ?1");
    }

    /// <summary>What the stores of other subjects in the same file take before they use it.</summary>
    internal Lock Gate => gate;

    /// <summary>The file, for the stores of other subjects in it.</summary>
    internal SqliteFile File => file;

    /// <summary>Opens a directory, making the file and its folder where they are missing, and brings it to this build's schema.</summary>
    /// <param name="path">The file, for example <c>metering.directory.db</c>; relative paths count from the current folder.</param>
    /// <exception cref="MeteringStartupException">The file is damaged, newer, read-only or in use, or the disk is full.</exception>
    public static SqliteDirectoryStore Open(string path)
    {
        var file = SqliteFile.Open(path, DirectorySchema.Format);
        try
        {
            return new(file);
        }
        catch (SqliteFailure failure)
        {
            file.Dispose();
            throw SqliteFile.StartupSentence(failure, file.Path);
        }
    }

    /// <inheritdoc />
    public ValueTask<bool> TryAddProfileAsync(AccountProfile profile, CancellationToken cancellationToken = default) => Call(
        () => Insert(profile), cancellationToken);

    /// <inheritdoc />
    public ValueTask<AccountProfile?> FindProfileAsync(AccountId account, CancellationToken cancellationToken = default) => Call(
        () =>
        {
            using var rows = selectProfile.Bind(1, account.Value).Rows();
            return rows.Next() ? ProfileOf(rows) : null;
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => Call(() => !Any(selectAny), cancellationToken);

    /// <inheritdoc />
    public async ValueTask AddKeyAsync(ApiKey key, CancellationToken cancellationToken = default) => await Call(
        () =>
        {
            Bind(insertKey, key).Run();
            return true;
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<ApiKey?> FindKeyAsync(ReadOnlyMemory<byte> hash, CancellationToken cancellationToken = default) => Call(
        () =>
        {
            using var rows = selectKey.Bind(1, hash.Span).Rows();
            return rows.Next() ? KeyOf(rows) : null;
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<ApiKey>> ListKeysAsync(AccountId account, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<ApiKey>>(() => All(selectKeys.Bind(1, account.Value), KeyOf), cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> RevokeKeyAsync(AccountId account, string id, DateTimeOffset at, CancellationToken cancellationToken = default) => Call(
        () => Any(revokeKey.Bind(1, account.Value).Bind(2, id).Bind(3, at.ToUnixTimeMilliseconds())),
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<AccountProfile>> ListProfilesAsync(AccountId? after, int limit, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<AccountProfile>>(() => All(listProfiles.Bind(1, after?.Value ?? string.Empty).Bind(2, limit), ProfileOf), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<ApiKey>> ListAllKeysAsync(string? afterId, int limit, CancellationToken cancellationToken = default) =>
        Call<IReadOnlyList<ApiKey>>(() => All(listKeys.Bind(1, afterId).Bind(2, limit), KeyOf), cancellationToken);

    /// <inheritdoc />
    public async ValueTask ImportAsync(
        IReadOnlyList<AccountProfile> profiles, IReadOnlyList<ApiKey> keys, CancellationToken cancellationToken = default) => await Call(
        () => Commit(() =>
        {
            foreach (var profile in profiles)
            {
                Insert(profile);
            }

            foreach (var key in keys)
            {
                Bind(importKey, key).Run();
            }

            return true;
        }),
        cancellationToken);

    /// <inheritdoc />
    public ValueTask DisposeAsync()
    {
        lock (gate)
        {
            if (!disposed)
            {
                disposed = true;
                file.Dispose();
            }
        }

        return ValueTask.CompletedTask;
    }

    private static bool Any(SqliteStatement statement)
    {
        using var rows = statement.Rows();
        var any = rows.Next();

        // To the end, because a writing statement commits there, and must say here whether it did.
        while (rows.Next())
        {
        }

        return any;
    }

    private bool Insert(AccountProfile profile) => Any(
        insertProfile.Bind(1, profile.Account.Value).Bind(2, profile.Email).Bind(3, profile.FirstName).Bind(4, profile.LastName)
            .Bind(5, profile.CompanyName).Bind(6, profile.CompanyWebsite).Bind(7, profile.CreatedAt.ToUnixTimeMilliseconds()));

    private static List<T> All<T>(SqliteStatement statement, Func<SqliteStatement.Query, T> read)
    {
        var result = new List<T>();
        using var rows = statement.Rows();
        while (rows.Next())
        {
            result.Add(read(rows));
        }

        return result;
    }

    private static SqliteStatement Bind(SqliteStatement statement, ApiKey key)
    {
        statement.Bind(1, key.Id).Bind(2, key.Account.Value).Bind(3, key.Name).Bind(4, key.Hash.Span).Bind(5, key.Display).Bind(6, (int)key.Scopes);
        Bind(statement, 7, key.CreatedAt);
        Bind(statement, 8, key.ExpiresAt);
        Bind(statement, 9, key.RevokedAt);
        return statement;
    }

    private static void Bind(SqliteStatement statement, int parameter, DateTimeOffset? time)
    {
        if (time is { } set)
        {
            statement.Bind(parameter, set.ToUnixTimeMilliseconds());
        }
        else
        {
            statement.BindNull(parameter);
        }
    }

    private static AccountProfile ProfileOf(SqliteStatement.Query rows) => new()
    {
        Account = new(rows.Text(0)),
        Email = rows.Text(1),
        FirstName = rows.OptionalText(2),
        LastName = rows.OptionalText(3),
        CompanyName = rows.OptionalText(4),
        CompanyWebsite = rows.OptionalText(5),
        CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(rows.Integer(6)),
    };

    private static ApiKey KeyOf(SqliteStatement.Query rows) => new()
    {
        Id = rows.Text(0),
        Account = new(rows.Text(1)),
        Name = rows.Text(2),
        Hash = rows.Blob(3).ToArray(),
        Display = rows.Text(4),
        Scopes = (ApiKeyScopes)rows.Integer(5),
        CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(rows.Integer(6)),
        ExpiresAt = Time(rows, 7),
        RevokedAt = Time(rows, 8),
    };

    private static DateTimeOffset? Time(SqliteStatement.Query rows, int column) =>
        rows.IsNull(column) ? null : DateTimeOffset.FromUnixTimeMilliseconds(rows.Integer(column));

    /// <summary>One commit of several statements; none of them where one fails.</summary>
    private T Commit<T>(Func<T> write)
    {
        file.Writer.Execute("BEGIN IMMEDIATE");
        try
        {
            var result = write();
            file.Writer.Execute("COMMIT");
            return result;
        }
        finally
        {
            file.Writer.TryRollBack();
        }
    }

    private ValueTask<T> Call<T>(Func<T> call, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(cancellationToken);
        }

        lock (gate)
        {
            try
            {
                ObjectDisposedException.ThrowIf(disposed, this);
                return ValueTask.FromResult(call());
            }
            catch (SqliteFailure failure) when (failure.Primary == raw.SQLITE_CONSTRAINT)
            {
                return ValueTask.FromException<T>(new InvalidOperationException($"{file.Name} has that API key already: {failure.Message}.", failure));
            }
            catch (SqliteFailure failure)
            {
                return ValueTask.FromException<T>(new LedgerUnavailableException($"{file.Name} cannot serve now: {failure.Message}.", failure));
            }
            catch (Exception error)
            {
                return ValueTask.FromException<T>(error);
            }
        }
    }
}
