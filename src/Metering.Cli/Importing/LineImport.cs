using System.Security.Cryptography;
using System.Text;
using Metering.Engine;
using Metering.Gateway;

namespace Metering.Cli;

/// <summary>
/// Lets lines take effect, each once for ever: balances and records by their external reference, a key by an id that follows from the line's, an account by
/// being there. Lines of different accounts may come at once, those of one account one after another.
/// </summary>
internal sealed class LineImport(ICreditMeter meter, IDirectoryStore directory, DirectoryBatch batch, FreshKeys? freshKeys, ImportReport report, TimeProvider time)
{
    // A ledger that is busy for longer is no busy ledger.
    private const int Attempts = 10;

    // What an account has when it was opened a moment ago: its first period, and nothing else.
    private const int FirstTransactions = 8;

    /// <summary>Lets a line take effect, and counts it.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger does not answer.</exception>
    public Task ApplyAsync(ImportLine line, CancellationToken cancellationToken) => line switch
    {
        AccountLine account => ApplyAsync(account, cancellationToken),
        BalanceLine balance => ApplyAsync(balance, cancellationToken),
        RecordsLine records => ApplyAsync(records, cancellationToken),
        KeyLine key => ApplyAsync(key, cancellationToken),
        _ => throw new ArgumentOutOfRangeException(nameof(line), line, "There is no such kind of line."),
    };

    private async Task ApplyAsync(AccountLine line, CancellationToken cancellationToken)
    {
        var request = new OpenAccountRequest { Plan = line.Plan, Anchor = line.Anchor, PaidThrough = line.PaidThrough };
        var opened = await TakeAsync(() => meter.OpenAccountAsync(line.Account, request, cancellationToken), cancellationToken);
        var isNew = opened.IsSuccess;
        if (opened.Refusal?.Reason == RefusalReason.AccountExists)
        {
            opened = await TakeAsync(() => meter.GetBalanceAsync(line.Account, cancellationToken), cancellationToken);
        }

        if (!opened.TryGet(out var balance, out var refusal))
        {
            report.Reject(line, refusal.Field, refusal.Message);
            return;
        }

        if (balance.Plan != line.Plan)
        {
            report.Reject(line, "plan", $"plan is \"{line.Plan}\", and the account exists already on \"{balance.Plan}\"; nothing was changed.");
            return;
        }

        if (await SetMonthlyAsync(line, balance, isNew, cancellationToken) is { } fault)
        {
            report.Reject(line, "monthlyCredits", fault);
            return;
        }

        if (line.Profile is { } profile)
        {
            await batch.AddAsync(profile with { CreatedAt = profile.CreatedAt == DateTimeOffset.UnixEpoch ? Now : profile.CreatedAt }, cancellationToken);
        }

        Count(isNew);
    }

    /// <summary>
    /// Takes off what was spent of the period before the import. It is the first thing that happens to an opened account, so that a run after a kill sees
    /// from the account's first transactions whether it was done.
    /// </summary>
    /// <returns>Why it cannot be; null where it is done.</returns>
    private async Task<string?> SetMonthlyAsync(AccountLine line, Balance balance, bool isNew, CancellationToken cancellationToken)
    {
        if (line.MonthlyCredits is not { } left)
        {
            return null;
        }

        var reason = $"Spent before the import ({line.Id})";
        if (!isNew)
        {
            var query = new TransactionQuery { Before = FirstTransactions + 1, Limit = FirstTransactions };
            var listed = await TakeAsync(() => meter.ListTransactionsAsync(line.Account, query, cancellationToken), cancellationToken);
            if (!listed.TryGet(out var page, out var unlisted))
            {
                return unlisted.Message;
            }

            if (page.Items.Any(transaction => transaction.Type == TransactionType.Adjustment && transaction.Description == reason))
            {
                return null;
            }

            if (page.Total > 1)
            {
                return balance.Monthly == left ? null : "The account was used since it was opened; adjust it by hand (metering account adjust).";
            }
        }

        if (left > balance.Monthly)
        {
            return $"monthlyCredits is {left}, and the current period has {balance.Monthly}; what is above belongs into a balance line (bonus, with expiresAt).";
        }

        if (left == balance.Monthly)
        {
            return null;
        }

        var adjust = new AdjustRequest { Amount = left - balance.Monthly, Reason = reason, IdempotencyKey = $"import-{Digest(line)[..32]}" };
        return (await TakeAsync(() => meter.AdjustAsync(line.Account, adjust, cancellationToken), cancellationToken)).Refusal?.Message;
    }

    private async Task ApplyAsync(BalanceLine line, CancellationToken cancellationToken)
    {
        var grant = new GrantRequest
        {
            Source = line.Source,
            Amount = line.Amount,
            ExpiresAt = line.ExpiresAt,
            Description = line.Description ?? "Imported credits",
            ExternalReference = line.Reference,
        };
        var granted = await TakeAsync(() => meter.GrantAsync(line.Account, grant, cancellationToken), cancellationToken);
        if (granted.Refusal is { } refusal && refusal.Reason != RefusalReason.ReferenceUsed)
        {
            report.Reject(line, refusal.Field, refusal.Message);
            return;
        }

        Count(granted.IsSuccess);
    }

    private async Task ApplyAsync(RecordsLine line, CancellationToken cancellationToken)
    {
        var request = new StartRecordsRequest { Records = line.Records, ExternalReference = line.Reference };
        var started = await TakeAsync(() => meter.StartRecordsAsync(line.Account, request, cancellationToken), cancellationToken);
        if (started.Refusal is { } refusal && refusal.Reason != RefusalReason.ReferenceUsed)
        {
            report.Reject(line, refusal.Field, refusal.Message);
            return;
        }

        Count(started.IsSuccess);
    }

    private async Task ApplyAsync(KeyLine line, CancellationToken cancellationToken)
    {
        if ((await TakeAsync(() => meter.GetBalanceAsync(line.Account, cancellationToken), cancellationToken)).Refusal is { } unknown)
        {
            report.Reject(line, unknown.Field ?? "account", unknown.Message);
            return;
        }

        if (line.ExpiresAt <= Now)
        {
            report.Reject(line, "expiresAt", "expiresAt must be in the future.");
            return;
        }

        var id = "key_" + Digest(line)[..24];
        if ((await directory.ListKeysAsync(line.Account, cancellationToken)).Any(stored => stored.Id == id))
        {
            report.Keep();
            return;
        }

        var fresh = ApiKeys.Create(line.Account, line.Name, line.Scopes, line.CreatedAt ?? Now, line.ExpiresAt);
        if (line.Hash is null)
        {
            freshKeys?.Tell(line, fresh.Key); // Nobody in a dry run, whose keys are forgotten.
        }

        var key = fresh.Stored with { Id = id, Hash = line.Hash ?? fresh.Stored.Hash, Display = line.Display ?? fresh.Stored.Display };
        await batch.AddAsync(key, line, cancellationToken);
    }

    private void Count(bool isNew)
    {
        if (isNew)
        {
            report.Import();
        }
        else
        {
            report.Keep();
        }
    }

    private DateTimeOffset Now => DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());

    private static string Digest(ImportLine line) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{line.Account}\n{line.Reference}")));

    /// <summary>Takes a step, again where the ledger asks for it: each takes effect once, however often it is taken.</summary>
    private async Task<Outcome<T>> TakeAsync<T>(Func<ValueTask<Outcome<T>>> step, CancellationToken cancellationToken)
        where T : class
    {
        for (var attempt = 1; ; attempt++)
        {
            var outcome = await step();
            if (outcome.Refusal is not { Reason: RefusalReason.Overloaded or RefusalReason.LedgerUnavailable or RefusalReason.OutcomeUnknown } refusal)
            {
                return outcome;
            }

            if (attempt == Attempts)
            {
                throw new LedgerUnavailableException($"{refusal.Message} Run the same command again to go on.");
            }

            await Task.Delay(refusal.RetryAfter ?? TimeSpan.FromSeconds(1), time, cancellationToken);
        }
    }
}
