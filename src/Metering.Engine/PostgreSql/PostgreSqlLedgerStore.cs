using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Metering.Engine;

/// <summary>
/// The ledger in a PostgreSQL database that several processes may share. An append is one statement, its own transaction, that locks and
/// compares the heads of its accounts and writes pages of entries; nothing is kept on a connection between two statements.
/// </summary>
public sealed class PostgreSqlLedgerStore : ILedgerStore, IPersonalTexts, IDueStore
{
    // Beyond it, two transactions that get in each other's way are strangers to this ledger, and the caller may try again.
    private const int Attempts = 5;

    private readonly NpgsqlDataSource readers;
    private readonly NpgsqlDataSource writers;
    private readonly WriterFence fence;
    private readonly PostgreSqlLedgerReader reader;
    private readonly PostgreSqlKeys keys;
    private readonly PostgreSqlTexts texts;
    private readonly PostgreSqlDues dues;
    private readonly AppendCommand append = new();
    private bool disposed;
    private int appending;

    private PostgreSqlLedgerStore(NpgsqlDataSource readers, NpgsqlDataSource writers)
    {
        this.readers = readers;
        this.writers = writers;
        fence = new(writers);
        reader = new(readers);
        keys = new(readers);
        texts = new(writers, reader);
        dues = new(readers);
    }

    /// <summary>Opens a ledger, making its schema where it is missing and the user may.</summary>
    /// <param name="connectionString">As Npgsql reads it, for example <c>Host=localhost;Username=metering;Database=metering</c>.</param>
    /// <param name="options">What is not in the connection string; null for the defaults.</param>
    /// <param name="logger">Hears of a schema that was changed; null for nobody.</param>
    /// <exception cref="MeteringStartupException">The database cannot be used; the message says why and what mends it.</exception>
    public static PostgreSqlLedgerStore Open(string connectionString, PostgreSqlStoreOptions? options = null, ILogger? logger = null)
    {
        options ??= new();
        var readers = PostgreSqlDatabase.Open(connectionString, options, logger ?? NullLogger.Instance);
        return new(readers, PostgreSqlDatabase.OpenWriter(connectionString, options));
    }

    /// <inheritdoc />
    public bool IsShared => true;

    /// <inheritdoc />
    public async ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(disposed, this);
        AppendGroupRules.Check(groups);
        if (Interlocked.Exchange(ref appending, 1) != 0)
        {
            throw new InvalidOperationException("A ledger store has one writer: the append before has not returned.");
        }

        try
        {
            await fence.SettleAsync(groups);
            append.Fill(groups);
            if (!append.IsEmpty)
            {
                await AppendAsync();
            }

            // Durable from here on: only now may results say so.
            for (var index = 0; index < groups.Count; index++)
            {
                groups[index].Result = AppendResult.HeadMismatch;
            }

            append.SetResults();
        }
        finally
        {
            Volatile.Write(ref appending, 0);
        }
    }

    /// <inheritdoc />
    public async ValueTask SettleAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        try
        {
            await WriterFence.RetireAllAsync(readers, cancellationToken);
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            throw PostgreSqlFailure.Unavailable(error);
        }
    }

    /// <inheritdoc />
    public ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadAsync(account, token => reader.ReadHeadAsync(account, token), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(
        AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
        ReadAsync(account, token => reader.ReadAsync(account, fromSequence, limit, token), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerRow>> ReadTransactionsAsync(
        AccountId account, long beforeNumber, int limit, CancellationToken cancellationToken = default) =>
        ReadAsync(account, token => reader.ReadTransactionsAsync(account, beforeNumber, limit, token), cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> FindKeyAsync(AccountId account, UInt128 key, CancellationToken cancellationToken = default) =>
        ReadAsync(account, token => keys.FindAsync(account, key, token), cancellationToken);

    /// <inheritdoc />
    public ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadAsync(account, token => reader.ReadSnapshotsAsync(account, token), cancellationToken);

    /// <inheritdoc />
    public async ValueTask SaveSnapshotAsync(AccountId account, LedgerSnapshot snapshot, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(disposed, this);
        try
        {
            await using var command = writers.CreateCommand("SELECT metering.save_snapshot($1, $2, $3, $4, $5)");
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = account.Value });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = snapshot.Head.Sequence });
            command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = snapshot.Head.Link.ToArray() });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = snapshot.FormatVersion });
            command.Parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = snapshot.State });
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            // Where only the answer was lost, the same snapshot takes its own place later: nobody can tell the difference.
            throw PostgreSqlFailure.Unavailable(error);
        }
    }

    /// <inheritdoc />
    public ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default) =>
        ReadAsync(account, token => PostgreSqlCuts.ReadAsync(readers, account, token), cancellationToken);

    /// <inheritdoc />
    public async ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(disposed, this);
        foreach (var cut in cuts)
        {
            await fence.SettleAsync(cut.Account);
        }

        await PostgreSqlCuts.RunAsync(writers, cuts);
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<AccountId>> ListAccountsAsync(AccountId? after, int limit, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return await RetryAsync(token => reader.ListAccountsAsync(after, limit, token), cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<long> EraseTextsAsync(AccountId account, DateTimeOffset? before = null, CancellationToken cancellationToken = default) =>
        ReadAsync(account, token => texts.EraseAsync(account, before, token), cancellationToken);

    /// <inheritdoc />
    public async ValueTask NoteDueAsync(IReadOnlyList<DueNote> notes, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        await RetryAsync(token => dues.NoteAsync(notes, token), cancellationToken);
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<AccountId>> ClaimDueAsync(DateTimeOffset now, TimeSpan lease, int limit, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return await RetryAsync(token => dues.ClaimAsync(now, lease, limit, token), cancellationToken);
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<AccountId>> ListNotedAsync(AccountId? after, AccountId through, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return await RetryAsync(token => dues.ListAsync(after, through, token), cancellationToken);
    }

    /// <inheritdoc />
    public async ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return !disposed && await RetryAsync(reader.CanWriteAsync, cancellationToken);
        }
        catch (LedgerUnavailableException)
        {
            return false;
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        try
        {
            await fence.EndAsync();
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            // The number stays behind unused; a later start removes it.
        }

        await keys.DisposeAsync();
        append.Dispose();
        await readers.DisposeAsync();
        await writers.DisposeAsync();
    }

    private async ValueTask AppendAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await AppendOnceAsync();
                return;
            }
            catch (PostgresException error) when (error.SqlState == PostgreSqlFailure.NoWriter && attempt < Attempts)
            {
                fence.Forget();
            }
            catch (PostgresException error) when (PostgreSqlFailure.IsTransient(error) && attempt < Attempts)
            {
                // Rolled back for certain; the heads say again which groups have lost.
            }
            catch (PostgresException error) when (PostgreSqlFailure.IsRolledBack(error))
            {
                throw PostgreSqlFailure.AfterAppend(error);
            }
        }
    }

    private async ValueTask AppendOnceAsync()
    {
        NpgsqlConnection connection;
        long writer;
        try
        {
            writer = await fence.RegisterAsync();
            connection = await writers.OpenConnectionAsync(CancellationToken.None);
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            // Nothing of the append was sent.
            throw PostgreSqlFailure.Unavailable(error);
        }

        await using (connection)
        {
            try
            {
                await append.RunAsync(connection, writer);
            }
            catch (Exception error) when (PostgreSqlFailure.IsOfServer(error) && !PostgreSqlFailure.IsRolledBack(error))
            {
                // The other connections to write on are as old as this one.
                writers.Clear();
                fence.Retire(append.Groups);
                throw new LedgerOutcomeUnknownException($"PostgreSQL's answer to a commit was lost: {PostgreSqlFailure.Describe(error)}", error);
            }
        }
    }

    private async ValueTask<T> ReadAsync<T>(AccountId account, Func<CancellationToken, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        await fence.SettleAsync(account);
        return await RetryAsync(read, cancellationToken);
    }

    /// <summary>Reads, a second time where the first connection turns out to be dead: the server may have started anew since its last use.</summary>
    private async ValueTask<T> RetryAsync<T>(Func<CancellationToken, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        try
        {
            return await read(cancellationToken);
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error) && !PostgreSqlFailure.IsRolledBack(error))
        {
            readers.Clear();
            return await ReadOnceAsync(read, cancellationToken);
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            throw PostgreSqlFailure.AfterRead(error);
        }
    }

    private static async ValueTask<T> ReadOnceAsync<T>(Func<CancellationToken, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        try
        {
            return await read(cancellationToken);
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            throw PostgreSqlFailure.AfterRead(error);
        }
    }
}
