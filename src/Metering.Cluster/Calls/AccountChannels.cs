using System.Collections.Concurrent;

namespace Metering.Cluster;

/// <summary>
/// The way from this process to accounts' grains. Calls to one account that are waiting together travel as one message: while two messages
/// of an account are on their way, the next one gathers. A channel exists while its account has calls. Reads go beside writes, because a
/// balance must not wait for a commit that a charge in the same message waits for.
/// </summary>
internal sealed class AccountChannels(IGrainFactory grains, int capacity)
{
    private readonly ConcurrentDictionary<(AccountId Account, bool IsRead), AccountChannel> channels = new();
    private int waiting;

    /// <summary>Calls on their way now.</summary>
    public int Depth => Volatile.Read(ref waiting);

    /// <summary>Sends a call; null where too many calls are on their way already.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up; a call that was sent already takes effect.</exception>
    public async ValueTask<AccountAnswer?> SendAsync(AccountId account, bool isRead, AccountCall call, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref waiting) > capacity)
        {
            Interlocked.Decrement(ref waiting);
            return null;
        }

        try
        {
            var sent = new SentCall(call, cancellationToken);
            var key = (account, isRead);
            while (!channels.GetOrAdd(key, static (key, owner) => owner.Create(key), this).TryAdd(sent))
            {
                // It closed meanwhile; the next look makes another.
            }

            return await sent.Answer.ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }

    private AccountChannel Create((AccountId Account, bool IsRead) key) =>
        new(grains.GetGrain<IAccountGrain>(key.Account.Value), closed => channels.TryRemove(KeyValuePair.Create(key, closed)));
}

/// <summary>The way to one account.</summary>
internal sealed class AccountChannel(IAccountGrain grain, Action<AccountChannel> closed)
{
    /// <summary>One would leave the account's commits idle while its answers travel; more would only make messages smaller.</summary>
    private const int MaxInFlight = 2;

    private const int MaxCalls = 1_024;

    /// <summary>Records and items of one message: its size stays in the range of a few megabytes.</summary>
    private const int MaxWeight = 20_000;

    private readonly Lock gate = new();
    private readonly Queue<SentCall> queue = new();
    private int inFlight;
    private bool isClosed;

    /// <summary>Takes a call along; false where the channel is closed.</summary>
    public bool TryAdd(SentCall call)
    {
        lock (gate)
        {
            if (isClosed)
            {
                return false;
            }

            queue.Enqueue(call);
            if (inFlight >= MaxInFlight)
            {
                return true;
            }

            inFlight++;
        }

        // The calls of many callers travel together: they must not take the first one's context along.
        if (ExecutionContext.IsFlowSuppressed())
        {
            _ = PumpAsync();
            return true;
        }

        using (ExecutionContext.SuppressFlow())
        {
            _ = PumpAsync();
        }

        return true;
    }

    private async Task PumpAsync()
    {
        var message = new List<SentCall>(1);
        while (TryTake(message))
        {
            try
            {
                var answers = await grain.RunAsync(new() { Items = [.. message.Select(static call => call.Call)] }).ConfigureAwait(false);
                for (var index = 0; index < message.Count; index++)
                {
                    message[index].Complete(answers.Items[index]);
                }
            }
            catch (Exception exception)
            {
                foreach (var call in message)
                {
                    call.Fail(exception);
                }
            }
        }
    }

    private bool TryTake(List<SentCall> message)
    {
        message.Clear();
        lock (gate)
        {
            var weight = 0;
            while (queue.TryPeek(out var next) && message.Count < MaxCalls && (message.Count == 0 || weight + next.Call.Weight <= MaxWeight))
            {
                queue.Dequeue();
                if (next.TryBegin())
                {
                    message.Add(next);
                    weight += next.Call.Weight;
                }
            }

            if (message.Count > 0)
            {
                return true;
            }

            inFlight--;
            isClosed = inFlight == 0;
            if (!isClosed)
            {
                return false;
            }
        }

        closed(this);
        return false;
    }
}

/// <summary>A call that waits to be sent, or for its answer.</summary>
internal sealed class SentCall
{
    private readonly TaskCompletionSource<AccountAnswer> source = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenRegistration registration;

    public SentCall(AccountCall call, CancellationToken cancellationToken)
    {
        Call = call;
        registration = cancellationToken.UnsafeRegister(static (state, token) => ((SentCall)state!).source.TrySetCanceled(token), this);
    }

    public AccountCall Call { get; }

    public Task<AccountAnswer> Answer => source.Task;

    /// <summary>False where the caller has given up: the call is not sent.</summary>
    public bool TryBegin() => !source.Task.IsCompleted;

    public void Complete(AccountAnswer answer)
    {
        registration.Unregister();
        source.TrySetResult(answer);
    }

    public void Fail(Exception exception)
    {
        registration.Unregister();
        source.TrySetException(exception);
    }
}
