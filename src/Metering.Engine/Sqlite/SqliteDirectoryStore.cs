using SQLitePCL;

namespace Metering.Engine;

/// <summary>
/// The directory in a SQLite file that this process owns. One connection and one lock: its calls are rare beside the ledger's, and take
/// microseconds where they do not write. All of them complete synchronously.
/// </summary>
public sealed class SqliteDirectoryStore : IDirectoryStore
{
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
    private bool disposed;

    private SqliteDirectoryStore(SqliteFile file)
    {
        this.file = file;
        var database = file.Writer;
        insertProfile = database.Prepare(
            """
            INSERT INTO profiles (account, email, first_name, last_name, company_name, company_website, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (account) DO NOTHING RETURNING 1
            """);
        selectProfile = database.Prepare(
            "SELECT email, first_name, last_name, company_name, company_website, created_at FROM profiles WHERE account = ?1");
        selectAny = database.Prepare("SELECT 1 FROM profiles LIMIT 1");
        insertKey = database.Prepare($"INSERT INTO api_keys ({KeyColumns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
        selectKey = database.Prepare($"SELECT {KeyColumns} FROM api_keys WHERE hash = ?1");
        selectKeys = database.Prepare($"SELECT {KeyColumns} FROM api_keys WHERE account = ?1 ORDER BY created_at, number");
        revokeKey = database.Prepare("UPDATE api_keys SET revoked_at = ifnull(revoked_at, ?3) WHERE account = ?1 AND id = ?2 RETURNING 1");
    }

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
        () => Any(insertProfile.Bind(1, profile.Account.Value).Bind(2, profile.Email).Bind(3, profile.FirstName).Bind(4, profile.LastName)
            .Bind(5, profile.CompanyName).Bind(6, profile.CompanyWebsite).Bind(7, profile.CreatedAt.ToUnixTimeMilliseconds())),
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<AccountProfile?> FindProfileAsync(AccountId account, CancellationToken cancellationToken = default) => Call(
        () =>
        {
            using var rows = selectProfile.Bind(1, account.Value).Rows();
            return rows.Next()
                ? new AccountProfile
                {
                    Account = account,
                    Email = rows.Text(0),
                    FirstName = rows.OptionalText(1),
                    LastName = rows.OptionalText(2),
                    CompanyName = rows.OptionalText(3),
                    CompanyWebsite = rows.OptionalText(4),
                    CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(rows.Integer(5)),
                }
                : null;
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => Call(() => !Any(selectAny), cancellationToken);

    /// <inheritdoc />
    public async ValueTask AddKeyAsync(ApiKey key, CancellationToken cancellationToken = default) => await Call(
        () =>
        {
            insertKey.Bind(1, key.Id).Bind(2, key.Account.Value).Bind(3, key.Name).Bind(4, key.Hash.Span).Bind(5, key.Display).Bind(6, (int)key.Scopes);
            Bind(insertKey, 7, key.CreatedAt);
            Bind(insertKey, 8, key.ExpiresAt);
            Bind(insertKey, 9, key.RevokedAt);
            insertKey.Run();
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
        Call<IReadOnlyList<ApiKey>>(
            () =>
            {
                var result = new List<ApiKey>();
                using var rows = selectKeys.Bind(1, account.Value).Rows();
                while (rows.Next())
                {
                    result.Add(KeyOf(rows));
                }

                return result;
            },
            cancellationToken);

    /// <inheritdoc />
    public ValueTask<bool> RevokeKeyAsync(AccountId account, string id, DateTimeOffset at, CancellationToken cancellationToken = default) => Call(
        () => Any(revokeKey.Bind(1, account.Value).Bind(2, id).Bind(3, at.ToUnixTimeMilliseconds())),
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
