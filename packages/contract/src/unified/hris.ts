/** Unified models of human resources: employees, employments, departments, time off. */
import { address, choice, day, model, number, requiredDay, requiredText, text, type UnifiedModel } from './field.ts';

const employmentType = choice(['full_time', 'part_time', 'contractor', 'intern', 'temporary', 'other']);

const employees = {
  schema: model('Employee', {
    employee_number: text(),
    first_name: text(),
    last_name: text(),
    preferred_name: text(),
    name: text({ description: 'The whole name as the vendor shows it.' }),
    work_email: text(),
    personal_email: text(),
    work_phone: text(),
    mobile_phone: text(),
    job_title: text(),
    department_id: text({ description: 'Id of a record of hris.departments.' }),
    department: text({ description: 'Name of the department.' }),
    division: text(),
    location: text(),
    manager_id: text({ description: 'Id of a record of hris.employees.' }),
    status: choice(['active', 'inactive', 'pending']),
    employment_type: employmentType,
    hired_on: day(),
    terminated_on: day(),
    date_of_birth: day(),
    gender: text(),
    address,
  }),
  filters: ['work_email', 'status', 'department_id', 'manager_id', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at', 'name'],
} as const satisfies UnifiedModel;

const employments = {
  schema: model('Employment', {
    employee_id: requiredText({ description: 'Id of a record of hris.employees.' }),
    job_title: text(),
    department: text(),
    location: text(),
    manager_id: text({ description: 'Id of a record of hris.employees.' }),
    employment_type: employmentType,
    started_on: day(),
    ended_on: day(),
    pay_amount: number(),
    pay_currency: text({ description: 'ISO 4217.' }),
    pay_period: choice(['hour', 'day', 'week', 'month', 'year', 'other']),
  }),
  filters: ['employee_id', 'updated_after'],
  sort: ['started_on', 'updated_at'],
} as const satisfies UnifiedModel;

const departments = {
  schema: model('Department', { name: requiredText(), parent_id: text({ description: 'Id of a record of hris.departments.' }), manager_id: text({ description: 'Id of a record of hris.employees.' }) }),
  filters: ['name', 'updated_after'],
  sort: ['name', 'updated_at'],
} as const satisfies UnifiedModel;

const timeOff = {
  schema: model('Time off', {
    employee_id: requiredText({ description: 'Id of a record of hris.employees.' }),
    status: choice(['requested', 'approved', 'declined', 'cancelled']),
    type: text({ description: 'The vendor\'s kind of absence, by name.' }),
    type_id: text(),
    starts_on: requiredDay(),
    ends_on: requiredDay({ description: 'The last day off.' }),
    amount: number(),
    unit: choice(['days', 'hours']),
    note: text(),
  }),
  filters: ['employee_id', 'status', 'starts_after', 'ends_before', 'updated_after'],
  sort: ['starts_on', 'created_at', 'updated_at'],
} as const satisfies UnifiedModel;

export const hris = { employees, employments, departments, time_off: timeOff };
