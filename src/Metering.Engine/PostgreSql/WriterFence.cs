using Npgsql;

namespace Metering.Engine;

/// <summary>
/// Makes an append whose connection was lost a matter of the past before anybody is told of its accounts. The commit may still land after
/// the connection is gone: the server works on, or a pooler holds the statement back. An account read meanwhile would not show the entry,
/// and its caller could be charged twice. So each store writes under a number of its own (table <c>writers</c>): an append locks the
/// number's row, and after a lost answer the store takes a new number and deletes the old row before it reads or writes any account of
/// that append. Deleting waits for a transaction that holds the row, and one that begins later finds no row and writes nothing.
/// </summary>
internal sealed class WriterFence(NpgsqlDataSource source)
{
    private readonly Lock gate = new();
    private Retired[] retired = [];
    private long? current;

    /// <summary>The number to write under, registered where there is none.</summary>
    /// <exception cref="NpgsqlException">The server refused.</exception>
    public async ValueTask<long> RegisterAsync()
    {
        if (current is { } known)
        {
            return known;
        }

        // A number that a lost answer leaves behind is never written under. What dead processes left goes after a while; a living one whose
        // number goes with it takes another.
        var writer = Random.Shared.NextInt64();
        await using var command = source.CreateCommand(
            """
            WITH left_behind AS (
                DELETE FROM metering.writers WHERE id IN (
                    SELECT w.id FROM metering.writers w WHERE w.started_at < now() - interval '30 days' FOR UPDATE SKIP LOCKED))
            INSERT INTO metering.writers (id) VALUES ($1)
            """);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = writer });
        await command.ExecuteNonQueryAsync();
        current = writer;
        return writer;
    }

    /// <summary>The server does not know the current number any more; the next append registers another.</summary>
    public void Forget() => current = null;

    /// <summary>An append under the current number lost its answer.</summary>
    public void Retire(IReadOnlyList<AppendGroup> groups)
    {
        lock (gate)
        {
            retired = [.. retired, new(source, current!.Value, [.. groups.Select(group => group.Account)])];
            current = null;
        }
    }

    /// <summary>Waits until nothing that was lost can still land on an account.</summary>
    /// <exception cref="LedgerUnavailableException">It cannot be known yet.</exception>
    public ValueTask SettleAsync(AccountId account) => Volatile.Read(ref retired).Length == 0 ? default : SettleLostAsync(lost => lost.Accounts.Contains(account));

    /// <summary>The same for the accounts of an append.</summary>
    /// <exception cref="LedgerUnavailableException">It cannot be known yet.</exception>
    public ValueTask SettleAsync(IReadOnlyList<AppendGroup> groups) =>
        Volatile.Read(ref retired).Length == 0 ? default : SettleLostAsync(lost => groups.Any(group => lost.Accounts.Contains(group.Account)));

    /// <summary>
    /// Does the same to the numbers of all processes: what any of them sent before, and whose process may be gone, is in the ledger when this
    /// returns, or never will be. A living one takes a new number, and sends again what it heard was not written.
    /// </summary>
    public static async ValueTask RetireAllAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand("SELECT metering.retire_writers()");
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Takes the current number away, at the end of the store.</summary>
    public async ValueTask EndAsync()
    {
        if (current is { } writer)
        {
            current = null;
            await new Retired(source, writer, []).EndAsync();
        }
    }

    private async ValueTask SettleLostAsync(Func<Retired, bool> concerns)
    {
        foreach (var lost in Volatile.Read(ref retired))
        {
            if (!concerns(lost))
            {
                continue;
            }

            try
            {
                await lost.EndAsync();
            }
            catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
            {
                source.Clear();
                throw PostgreSqlFailure.Unavailable(error);
            }

            lock (gate)
            {
                retired = [.. retired.Where(other => other != lost)];
            }
        }
    }

    /// <summary>A number whose last append lost its answer, and the accounts that this append was about.</summary>
    private sealed class Retired(NpgsqlDataSource source, long writer, HashSet<AccountId> accounts)
    {
        private readonly Lock gate = new();
        private Task? ending;

        public HashSet<AccountId> Accounts => accounts;

        /// <summary>Deletes the number. All who wait share one attempt; after one that failed the next caller tries again.</summary>
        public Task EndAsync()
        {
            lock (gate)
            {
                return ending is null || ending.IsFaulted || ending.IsCanceled ? ending = DeleteAsync() : ending;
            }
        }

        private async Task DeleteAsync()
        {
            await using var command = source.CreateCommand("SELECT metering.retire_writer($1)");
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = writer });
            await command.ExecuteNonQueryAsync();
        }
    }
}
