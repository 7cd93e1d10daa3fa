import { StepState, type Operation, type Step } from '@truffle/api/orchestration/v1/operation';
import { Flex, Spinner, Text } from '@radix-ui/themes';
import { Ban, Check, Circle, CircleDashed, Hourglass, X } from 'lucide-react';
import { texts } from '../../texts/texts.ts';

function StepIcon({ state }: { readonly state: StepState }) {
  const label = texts.operation.stepStates[state];
  switch (state) {
    case StepState.SUCCEEDED:
      return <Check size={16} color="var(--green-11)" aria-label={label} />;
    case StepState.FAILED:
      return <X size={16} color="var(--red-11)" aria-label={label} />;
    case StepState.RUNNING:
      return <Spinner size="2" aria-label={label} />;
    case StepState.WAITING:
      return <Hourglass size={16} color="var(--amber-11)" aria-label={label} />;
    case StepState.SKIPPED:
      return <Ban size={16} color="var(--gray-9)" aria-label={label} />;
    case StepState.PENDING:
      return <CircleDashed size={16} color="var(--gray-9)" aria-label={label} />;
    case StepState.UNSPECIFIED:
      return <Circle size={16} color="var(--gray-9)" aria-label={label} />;
  }
}

/** What an operation does, server by server. */
export function Steps({ operation }: { readonly operation: Operation }) {
  const groups = new Map<string, Step[]>();
  for (const step of operation.steps) groups.set(step.serverName, [...(groups.get(step.serverName) ?? []), step]);
  return (
    <div className="cards">
      {[...groups].map(([server, steps]) => (
        <Flex key={server} direction="column" gap="2" className="panel">
          <Text weight="bold" size="2">
            {server === '' ? texts.operation.whole : server}
          </Text>
          {steps.map((step) => (
            <Flex key={step.key} gap="2" align="start">
              <span className="step-icon">
                <StepIcon state={step.state} />
              </span>
              <Flex direction="column">
                <Text size="2">{step.title}</Text>
                {step.detail !== '' && (
                  <Text size="1" color="gray">
                    {step.detail}
                  </Text>
                )}
              </Flex>
            </Flex>
          ))}
        </Flex>
      ))}
    </div>
  );
}
