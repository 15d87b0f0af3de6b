using Metering.Core;
using Metering.Engine;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Core;
using Orleans.Placement;

namespace Metering.Cluster;

/// <summary>
/// An account's place in the cluster. The account itself is the engine's, the same as in the embedded meter: this grain brings it into the
/// silo's memory when it is activated, hands calls on, and lets go of it with a snapshot when it leaves. It is reentrant: calls decide
/// synchronously under the account's lock, and wait side by side for one commit. Accounts are many and small, so chance alone spreads them
/// evenly over the silos, also when thousands are placed within the second in which every silo's statistics would be old.
/// </summary>
[Reentrant, GrainType("account"), RandomPlacement]
internal sealed class AccountGrain(IGrainContext context, AccountHosting hosting) : IAccountGrain, IGrainBase, IRemindable
{
    private readonly AccountId account = new(context.GrainId.Key.ToString()!);
    private PlacedAccount? placed;
    private IStorage<AccountMemento>? storage;
    private AccountReminder? reminder;

    public IGrainContext GrainContext => context;

    public async Task OnActivateAsync(CancellationToken token)
    {
        var memento = await ReadMementoAsync(token);
        placed = hosting.Placed.Enter(account, context, memento?.ToSnapshot(), keeps: storage is not null);
        reminder = new(context.GrainId, account, hosting, memento?.RemindedOf);
        try
        {
            await hosting.Engine.EnterAsync(account);
        }
        catch (Exception exception) when (exception is LedgerUnavailableException or LedgerFormatException or AccountElsewhereException)
        {
            // The calls that this activation is for find the same, and tell their callers.
        }
        catch
        {
            await GiveUpAsync(placed);
            throw;
        }

        if (token.IsCancellationRequested)
        {
            await GiveUpAsync(placed);
            token.ThrowIfCancellationRequested();
        }

        // The state is the engine's now; a second copy of its bytes would only take memory.
        placed.Brought = null;
        memento?.Forget();
        _ = reminder.SetAsync();
    }

    /// <summary>
    /// Takes back what an activation began that fails, or took longer than the cluster waits: no deactivation follows it, and the account would stay placed
    /// here without a grain.
    /// </summary>
    private async ValueTask GiveUpAsync(PlacedAccount begun)
    {
        begun.IsHere = false;
        await hosting.Engine.LeaveAsync(account, withSnapshot: false);
        hosting.Placed.Leave(begun);
    }

    public async ValueTask<AccountAnswers> RunAsync(AccountCalls calls)
    {
        placed!.GreetedAt = hosting.Placed.Now;
        var running = new Task<AccountAnswer>[calls.Items.Length];
        for (var index = 0; index < running.Length; index++)
        {
            running[index] = calls.Items[index].AnswerAsync(hosting.Engine, account);
        }

        var answers = new AccountAnswer[running.Length];
        for (var index = 0; index < answers.Length; index++)
        {
            answers[index] = await running[index];
        }

        _ = reminder!.SetAsync();
        return new() { Items = answers, Silo = hosting.Silo };
    }

    public async Task ReceiveReminder(string reminderName, TickStatus status)
    {
        // Whatever is due is entered before the balance is told.
        var balance = await hosting.Engine.GetBalanceAsync(account);
        if (balance.Refusal is { } refusal)
        {
            hosting.Logger.LogWarning("What fell due on account {Account} was not entered, and will be with its next call: {Reason}", account, refusal.Message);
        }

        await reminder!.SetAgainAsync();
    }

    public async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken token)
    {
        if (placed is null)
        {
            return;
        }

        // From here on nobody brings the account back into this silo's memory; calls that find it gone go where the cluster says.
        placed.IsHere = false;

        if (reason.ReasonCode != DeactivationReasonCode.ShuttingDown)
        {
            // Calls that came past the grain may have changed what falls due.
            await reminder!.SetAsync();
        }

        var isReminderNew = reminder?.IsUnsaved == true;
        await hosting.Engine.LeaveAsync(account, isReminderNew);
        hosting.Placed.Leave(placed);
        if (placed.Kept is { } snapshot)
        {
            await WriteMementoAsync(snapshot, token);
        }
    }

    /// <summary>What the account's last grain left behind; null where there is nothing, or nothing that can be read: the ledger has it all.</summary>
    private async ValueTask<AccountMemento?> ReadMementoAsync(CancellationToken token)
    {
        if (hosting.Storage is null)
        {
            return null;
        }

        storage = new StateStorageBridge<AccountMemento>("account", context, hosting.Storage);
        try
        {
            await storage.ReadStateAsync(token);
            return storage.State;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            hosting.Logger.LogWarning("The snapshot of account {Account} was not read, its ledger is replayed: {Reason}", account, exception.Message);
            storage = null;
            return null;
        }
    }

    private async ValueTask WriteMementoAsync(LedgerSnapshot snapshot, CancellationToken token)
    {
        if (storage is null)
        {
            return;
        }

        try
        {
            storage.State.Hold(snapshot);
            storage.State.RemindedOf = reminder?.RemindedOf;
            await storage.WriteStateAsync(token);
        }
        catch (Exception exception)
        {
            // Another activation wrote a newer one, or the storage is down: it would only have shortened the next activation.
            hosting.Logger.LogInformation("A snapshot of account {Account} was not stored: {Reason}", account, exception.Message);
        }
    }
}
